//! Which running process a word on the command line means.

use vmrec_report::escape;
use vmrec_sampler::ProcessInfo;

use crate::failure::{Failure, HIDDEN, Status};

/// Lets the kernel count pages as the footprint does, if that is wanted.
pub(crate) fn count_as_footprint(is_wanted: bool) -> Result<(), Failure> {
    if is_wanted && !vmrec_sampler::count_as_footprint() {
        let why = "this kernel does not count pages as the footprint does";
        return Err(Failure::new(Status::Target, anyhow::anyhow!(why))
            .hint("leave out --footprint: pages of objects are counted then"));
    }
    Ok(())
}

/// Finds the process meant by a pid or a full or partial executable name.
pub(crate) fn find(text: &str, newest: bool, oldest: bool) -> Result<u32, Failure> {
    if text.is_empty() {
        return Err(Failure::usage("the target's name is empty"));
    }
    vmrec_sampler::check_proc()?;
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text
            .parse()
            .map_err(|_| Failure::usage(format!("`{text}` is too large for a pid")));
    }
    let processes = vmrec_sampler::processes();
    let found = vmrec_sampler::matching(text, &processes);
    let found: Vec<_> = found.into_iter().filter_map(|at| processes.get(at)).collect();
    choose(text, &found, newest, oldest)
}

/// Chooses one of the processes that match a name, or says why none can be chosen.
fn choose(text: &str, found: &[&ProcessInfo], newest: bool, oldest: bool) -> Result<u32, Failure> {
    let started = |process: &&&ProcessInfo| process.id.start_ticks;
    let chosen = match found {
        [] => {
            return Err(none_named(text));
        }
        [only] => Some(only),
        several if newest => several.iter().max_by_key(started),
        several if oldest => several.iter().min_by_key(started),
        _ => None,
    };
    chosen.map(|process| process.id.pid).ok_or_else(|| ambiguous(text, found))
}

/// States that no process has such a name.
pub(crate) fn none_named(text: &str) -> Failure {
    let missing =
        anyhow::anyhow!("no process has an executable named like `{}`", escape::terminal(text));
    Failure::new(Status::Target, missing).hint(if vmrec_sampler::hides_processes() {
        format!("/proc hides processes of other users (mount option hidepid):\n{HIDDEN}")
    } else {
        "`ps -e` lists the processes; start one with `vmrec record -- COMMAND`".to_owned()
    })
}

/// Lists the processes that a name may mean.
fn ambiguous(text: &str, found: &[&ProcessInfo]) -> Failure {
    const SHOWN: usize = 20;
    let mut hint = String::new();
    for process in found.iter().take(SHOWN) {
        let line = format!("{:>8}  {}", process.id.pid, process.arguments.join(" "));
        let line: String = escape::terminal(&line).chars().take(73).collect();
        hint.push_str(&line);
        hint.push('\n');
    }
    if found.len() > SHOWN {
        hint.push_str(&format!("     and {} more\n", found.len() - SHOWN));
    }
    hint.push_str("give a pid, or take one of them with --newest or --oldest");
    Failure::new(
        Status::Target,
        anyhow::anyhow!("{} processes match `{}`", found.len(), escape::terminal(text)),
    )
    .hint(hint)
}
