//! CPU time of a process group, as the kernel counts it.

use std::time::Duration;

use crate::Outcome;

/// The kernel shows times in hundredths of a second, on every architecture that workerd runs on.
const TICK: Duration = Duration::from_millis(10);

/// What the processes of a group have used so far, in user and kernel mode.
pub(crate) fn of_group(group: u32) -> Outcome<Duration> {
    let mut ticks = 0;
    let mut found = false;
    for entry in
        std::fs::read_dir("/proc").map_err(|_| "there is no /proc: CPU time is read on Linux only")?
    {
        let stat = entry?.path().join("stat");
        // A process may be gone by now.
        let Ok(text) = std::fs::read_to_string(stat) else { continue };
        if let Some((of, used)) = read(&text)
            && of == group
        {
            found = true;
            ticks += used;
        }
    }
    if found { Ok(TICK * ticks) } else { Err("a server has ended".into()) }
}

/// Group and ticks of `/proc/PID/stat`. The second field is a name in parentheses, with whatever in it.
fn read(stat: &str) -> Option<(u32, u32)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u32>().ok();
    // Counted from the third field: state, parent, group, …, the 14th and 15th are the times.
    Some((number(2)?, number(11)? + number(12)?))
}

#[cfg(test)]
mod tests {
    use super::{of_group, read};

    #[test]
    fn a_name_may_hold_anything() {
        let stat = "12 (a) b) c) S 1 77 12 0 -1 4194560 1 2 3 4 150 25 0 0 20 0 1 0 9 1 1";
        assert_eq!(read(stat), Some((77, 175)));
        assert_eq!(read("nonsense"), None);
    }

    #[test]
    fn a_group_of_nobody_is_an_error() {
        assert!(of_group(u32::MAX).is_err());
    }
}
