import type { AxiosInstance } from "axios";
import type { Stripe402ClientConfig } from "./index.js";

/**
 * Makes an instance of axios 1.7 or later pay. It is changed in place and returned. As always with axios, an answer
 * that `validateStatus` does not accept is thrown as an AxiosError, a 402 that was not paid among them.
 */
export declare function createStripe402Axios(
  instance: AxiosInstance,
  config: Omit<Stripe402ClientConfig, "fetch">,
): AxiosInstance;
