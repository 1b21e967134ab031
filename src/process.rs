//! Which running process a word on the command line means.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use std::{fs, thread};

use clap::Args;
use regex_lite::Regex;
use vmrec_report::{Align, Cell, Column, Table, escape, units};
use vmrec_sampler::{ProcessInfo, sort_by_key};

use crate::failure::hints::HIDDEN;
use crate::failure::{Failure, Status};
use crate::shell::shell_word;

/// Lets the kernel count pages as the footprint does, if that is wanted.
pub(crate) fn count_as_footprint(is_wanted: bool) -> Result<(), Failure> {
    if is_wanted && !vmrec_sampler::count_as_footprint() {
        let why = "this kernel does not count pages as the footprint does";
        return Err(Failure::new(Status::Target, anyhow::anyhow!(why))
            .hint("leave out --footprint: pages of objects are counted then"));
    }
    Ok(())
}

/// Which of the processes that match a word is meant.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct PickArgs {
    /// Match TARGET as a pattern against whole command lines, as pgrep -f does
    #[arg(long, short = 'f')]
    pub(crate) full: bool,

    /// Of several matching processes take the one started last
    #[arg(long, conflicts_with_all = ["oldest", "largest"])]
    pub(crate) newest: bool,

    /// Of several matching processes take the one started first
    #[arg(long, conflicts_with = "largest")]
    pub(crate) oldest: bool,

    /// Of several matching processes take the one with the largest resident size
    #[arg(long)]
    pub(crate) largest: bool,

    /// Wait for such a process to start
    #[arg(long)]
    pub(crate) wait: bool,
}

/// The time between two looks for a process that has not started yet.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl PickArgs {
    /// Returns whether any of them is given.
    pub(crate) const fn any(self) -> bool {
        self.full || self.newest || self.oldest || self.largest || self.wait
    }
}

/// Finds the process meant by a pid, a path, a full or partial executable name, or with `-f` by a
/// pattern of its command line.
pub(crate) fn find(text: &str, pick: PickArgs) -> Result<u32, Failure> {
    if text.is_empty() {
        return Err(Failure::usage("the target's name is empty"));
    }
    if !pick.full && is_memory_graph(text) {
        return Err(memory_graph(text));
    }
    vmrec_sampler::check_proc()?;
    if !pick.full && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text
            .parse()
            .map_err(|_| Failure::usage(format!("`{text}` is too large for a pid")));
    }
    loop {
        let processes = vmrec_sampler::processes();
        let found = matching(text, pick, &processes)?;
        let found: Vec<_> = found.into_iter().filter_map(|at| processes.get(at)).collect();
        if pick.wait && found.is_empty() {
            thread::sleep(LOOK_AGAIN);
            continue;
        }
        return choose(text, &found, pick);
    }
}

/// Returns whether a target has the name of a file with the memory graph of a process, which vmmap and
/// Xcode's other tools read in the place of one.
fn is_memory_graph(text: &str) -> bool {
    Path::new(text).extension().is_some_and(|extension| extension == "memgraph")
}

fn memory_graph(text: &str) -> Failure {
    let word = shell_word(text);
    Failure::usage(format!(
        "`{text}` is a memory graph, no process: vmrec does not read that format"
    ))
    .hint(format!("on a Mac, `/usr/bin/vmmap -w {word} | vmrec import -` stores its regions"))
}

/// Returns the indices of the processes that a name, a path, or with `-f` a pattern means.
pub(crate) fn matching(
    text: &str,
    pick: PickArgs,
    processes: &[ProcessInfo],
) -> Result<Vec<usize>, Failure> {
    match pick.full {
        true => Ok(by_command_line(&pattern(text)?, processes)),
        false => Ok(named(text, processes)),
    }
}

/// Reads the pattern of `-f`.
fn pattern(text: &str) -> Result<Regex, Failure> {
    Regex::new(text).map_err(|error| {
        Failure::usage(format!("`{text}` is not a pattern: {error}"))
            .hint("write a regular expression, with a backslash before signs that mean themselves")
    })
}

/// Returns the processes of that name, or of that path: of the executable, or of a script that is
/// one of the arguments.
fn named(text: &str, processes: &[ProcessInfo]) -> Vec<usize> {
    let found = vmrec_sampler::matching(text, processes);
    if !found.is_empty() {
        return found;
    }
    if !text.contains('/') {
        return running(text, processes);
    }
    let whole = fs::canonicalize(text).map(|path| path.display().to_string());
    let own_pid = std::process::id();
    let is_it = |path: &str| path == text || whole.as_deref().is_ok_and(|whole| path == whole);
    let others = processes.iter().enumerate().filter(|(_, process)| process.id.pid != own_pid);
    let runs = |process: &ProcessInfo| process.executable.as_deref().is_some_and(is_it);
    let found: Vec<usize> =
        others.clone().filter(|(_, process)| runs(process)).map(|(index, _)| index).collect();
    if !found.is_empty() {
        return found;
    }
    // A relative argument is one of the process's folder.
    let absolute = |process: &ProcessInfo, word: &str| {
        let folder = vmrec_sampler::working_folder(process.id.pid)?;
        fs::canonicalize(folder.join(word)).ok().map(|path| path.display().to_string())
    };
    let given = |process: &ProcessInfo| {
        let mut words = process.arguments.iter().skip(1).take(MAX_WORDS);
        words.any(|word| is_it(word) || absolute(process, word).as_deref().is_some_and(is_it))
    };
    others.filter(|(_, process)| given(process)).map(|(index, _)| index).collect()
}

/// The most arguments that are taken for a script's name.
const MAX_WORDS: usize = 16;

/// Returns the processes that run the script of that name: an interpreter whose first argument that is
/// no option is a path that ends so.
fn running(name: &str, processes: &[ProcessInfo]) -> Vec<usize> {
    let own_pid = std::process::id();
    let is_it = |word: &String| word.rsplit('/').next() == Some(name);
    let runs = |process: &ProcessInfo| {
        let mut words = process.arguments.iter().skip(1).take(MAX_WORDS);
        process.id.pid != own_pid && words.find(|word| !word.starts_with('-')).is_some_and(is_it)
    };
    (0..processes.len()).filter(|index| runs(&processes[*index])).collect()
}

/// Returns the processes whose command line has a match of a pattern: not this one, nor those that
/// started it, such as `sudo` or a shell, whose own lines hold the pattern.
fn by_command_line(pattern: &Regex, processes: &[ProcessInfo]) -> Vec<usize> {
    let parent = |pid: u32| {
        processes.iter().find(|process| process.id.pid == pid).and_then(|found| found.parent_pid)
    };
    // Parents that change meanwhile may form a circle.
    let own = std::iter::successors(Some(std::process::id()), |pid| parent(*pid));
    let own: BTreeSet<u32> = own.take(processes.len() + 1).collect();
    let matches = |process: &ProcessInfo| {
        let line = process.arguments.join(" ");
        let line = if line.is_empty() { &process.short_name } else { &line };
        !own.contains(&process.id.pid) && pattern.is_match(line)
    };
    (0..processes.len()).filter(|index| matches(&processes[*index])).collect()
}

/// Chooses one of the processes that match a name, or says why none can be chosen.
fn choose(text: &str, found: &[&ProcessInfo], pick: PickArgs) -> Result<u32, Failure> {
    let started = |process: &&&ProcessInfo| process.id.start_ticks;
    let resident =
        |process: &&&ProcessInfo| vmrec_sampler::resident_bytes(process.id.pid).unwrap_or(0);
    let chosen = match found {
        [] => return Err(nothing(text, pick)),
        [only] => Some(only),
        several if pick.newest => several.iter().max_by_key(started),
        several if pick.oldest => several.iter().min_by_key(started),
        several if pick.largest => several.iter().max_by_key(resident),
        _ => None,
    };
    chosen.map(|process| process.id.pid).ok_or_else(|| ambiguous(text, found))
}

/// States that no process has such a name.
pub(crate) fn none_named(text: &str) -> Failure {
    nothing(text, PickArgs::default())
}

/// States that no process matches.
fn nothing(text: &str, pick: PickArgs) -> Failure {
    let text = escape::terminal(text);
    let error = match pick.full {
        true => anyhow::anyhow!("no process has a command line like `{text}`"),
        false => anyhow::anyhow!("no process has an executable named like `{text}`"),
    };
    Failure::new(Status::Target, error).hint(if vmrec_sampler::hides_processes() {
        format!("/proc hides processes of other users (mount option hidepid):\n{HIDDEN}")
    } else if pick.full {
        "`ps -ef` lists the command lines; --wait waits for one to start".to_owned()
    } else {
        "`ps -e` lists the processes; -f looks in whole command lines, --wait waits for one;\n\
         start one with `vmrec record -- COMMAND`"
            .to_owned()
    })
}

/// Lists the processes that a name may mean, the largest first.
fn ambiguous(text: &str, found: &[&ProcessInfo]) -> Failure {
    const SHOWN: usize = 20;
    const WIDTH: usize = 73;
    let now = vmrec_sampler::now().utc_ns;
    let mut sized: Vec<(Option<u64>, &ProcessInfo)> = found
        .iter()
        .map(|process| (vmrec_sampler::resident_bytes(process.id.pid), *process))
        .collect();
    sort_by_key(&mut sized, |(resident, process)| (std::cmp::Reverse(*resident), process.id.pid));
    let mut table = Table::new(
        vec![
            Column::new("PID", Align::Right),
            Column::new("RESIDENT", Align::Right),
            Column::new("AGE", Align::Right),
            Column::new("COMMAND", Align::Left),
        ],
        3,
        20,
    );
    let alike = alike(found);
    let dash = || "-".to_owned();
    for (resident, process) in sized.iter().take(SHOWN) {
        let age = process.started_utc_ns.and_then(|started| u64::try_from(now - started).ok());
        let cells = [
            process.id.pid.to_string(),
            resident.map_or_else(dash, units::size),
            age.map_or_else(dash, units::duration),
            differing(process, alike),
        ];
        table.row(cells.iter().map(|cell| Cell::new(cell)).collect());
    }
    let mut hint = table.render(WIDTH, false);
    if found.len() > SHOWN {
        hint.push_str(&format!("and {} more\n", found.len() - SHOWN));
    }
    hint.push_str("give a pid, or take one of them with --newest, --oldest or --largest");
    Failure::new(
        Status::Target,
        anyhow::anyhow!("{} processes match `{}`", found.len(), escape::terminal(text)),
    )
    .hint(hint)
}

/// Returns how many first arguments all processes have in common.
fn alike(found: &[&ProcessInfo]) -> usize {
    let Some((first, others)) = found.split_first() else { return 0 };
    let same = |at: &usize| {
        let word = first.arguments.get(*at);
        word.is_some() && others.iter().all(|other| other.arguments.get(*at) == word)
    };
    (0..first.arguments.len()).take_while(same).count()
}

/// Returns a command line without the arguments that all candidates have in common but the first.
fn differing(process: &ProcessInfo, alike: usize) -> String {
    let words = &process.arguments;
    match words.get(alike..) {
        Some(rest) if alike > 1 && !rest.is_empty() => format!("… {}", rest.join(" ")),
        _ if words.is_empty() => process.short_name.clone(),
        _ => words.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use vmrec_sampler::ProcessId;

    use super::*;

    fn process(pid: u32, parent: u32, executable: &str, line: &str) -> ProcessInfo {
        ProcessInfo {
            id: ProcessId { pid, start_ticks: pid.into(), boot_id: String::new() },
            parent_pid: Some(parent),
            started_utc_ns: None,
            executable: Some(executable.to_owned()),
            executable_deleted: false,
            architecture: None,
            arguments: line.split_whitespace().map(str::to_owned).collect(),
            short_name: "short".to_owned(),
            user_id: None,
        }
    }

    #[test]
    fn a_pattern_is_of_the_whole_line_and_never_of_those_that_started_vmrec() {
        let own = std::process::id();
        let all = [
            process(own, 7, "/usr/bin/vmrec", "vmrec record -f leak.js"),
            process(7, 8, "/usr/bin/sudo", "sudo vmrec record -f leak.js"),
            process(8, 7, "/bin/sh", "sh -c sudo vmrec record -f leak.js"),
            process(9, 1, "/usr/bin/node", "node /srv/leak.js --port 80"),
            process(10, 1, "/usr/bin/node", "node other.js"),
        ];
        let by = |text: &str| by_command_line(&Regex::new(text).unwrap(), &all);
        assert_eq!(by("leak.js"), [3]);
        assert_eq!(by("^node .*(80|other)"), [3, 4]);
        assert_eq!(by("nothing"), [0; 0]);
        assert!(pattern("(").is_err());
    }

    #[test]
    fn a_path_is_that_of_the_executable_or_of_a_script() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("leak.js");
        fs::write(&script, "").unwrap();
        let script = fs::canonicalize(&script).unwrap().display().to_string();
        let all = [
            process(1, 0, "/usr/bin/node", &format!("node {script}")),
            process(2, 0, "/usr/bin/node", "node ./here.js"),
        ];
        assert_eq!(named("/usr/bin/node", &all), [0, 1]);
        assert_eq!(named(&script, &all), [0]);
        let roundabout = format!("{}/../{script}", folder.path().display());
        assert_eq!(named(&roundabout.replace("//", "/"), &all), [0; 0]);
        assert_eq!(named(&format!("{}/./leak.js", folder.path().display()), &all), [0]);
        assert_eq!(named("./here.js", &all), [1]);
        assert_eq!(named("/usr/bin", &all), [0; 0]);
    }

    #[test]
    fn a_script_is_found_by_its_name_as_an_interpreter_runs_it() {
        let all = [
            process(1, 0, "/usr/bin/node", "node --max-old-space-size=64 /srv/leak.js other.js"),
            process(2, 0, "/usr/bin/python3.11", "python3 job.py leak.js"),
            process(std::process::id(), 0, "/usr/bin/vmrec", "vmrec leak.js"),
        ];
        assert_eq!(named("leak.js", &all), [0]);
        assert_eq!(named("job.py", &all), [1]);
        assert_eq!(named("leak", &all), [0; 0]);
        assert_eq!(named("node", &all), [0], "a program's own name comes first");
    }

    #[test]
    fn candidates_are_told_apart_by_what_differs() {
        let all = ["chromium --a --type=gpu", "chromium --a --type=renderer", "chromium --a"]
            .map(|line| process(1, 0, "/usr/bin/chromium", line));
        let found: Vec<&ProcessInfo> = all.iter().collect();
        let shown = found.iter().map(|process| differing(process, alike(&found)));
        let shown: Vec<String> = shown.collect();
        assert_eq!(shown, ["… --type=gpu", "… --type=renderer", "chromium --a"]);
    }
}
