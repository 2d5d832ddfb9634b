//! stripe402 core.
