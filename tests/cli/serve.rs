//! `vmrec serve`, as browsers, scripts and a real Prometheus ask it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Bench, Workload, copy_program, heeding_signals, signal, skipped};
use crate::recorder::Recorder;

const PATIENCE: Duration = Duration::from_secs(60);

/// A server that ends with the test.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(bench: &Bench, arguments: &[&str]) -> Self {
        let listen = ["serve", "--listen", "127.0.0.1:0"];
        let mut child =
            bench.command(&[&listen, arguments].concat()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.strip_prefix("http://").and_then(|rest| rest.split('/').next());
        let address = address.expect(&line).to_owned();
        Self { child, address }
    }

    /// Asks for a path under a host's name; returns the status and all that follows.
    fn ask_as(&self, method: &str, path: &str, host: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer)
    }

    fn get(&self, path: &str) -> String {
        let (status, answer) = self.ask_as("GET", path, &self.address);
        assert_eq!(status, 200, "{path}: {answer}");
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    fn json(&self, path: &str) -> serde_json::Value {
        serde_json::from_str(&self.get(path)).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_file_is_served_while_it_is_recorded_to() {
    let (bench, mut workload) = (Bench::new(), Workload::start());
    let recorder = Recorder::start(&bench, &workload);
    let server = Server::start(&bench, &[]);
    workload.order("heap 20971520");
    recorder.wait_for_samples(2);

    let metrics = server.get("/metrics");
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
    let heap =
        format!("process=\"workload\",pid=\"{}\",type=\"MALLOC (brk heap)\"", workload.pid());
    let value = metrics
        .lines()
        .find(|line| line.starts_with("vmrec_private_bytes{") && line.contains(&heap))
        .unwrap_or_else(|| panic!("{metrics}"));
    let bytes: u64 = value.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(bytes >= 20 << 20, "{value}");
    assert!(metrics.contains("vmrec_recorders 1"), "{metrics}");

    // Nothing on the page or in JSON is of another moment than the commands show.
    let page = server.get("/");
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("workload"));
    assert!(server.get("/sessions/1").contains("processes ▸ types"));
    assert!(server.get("/recordings/1").contains("What changed, A"));
    assert_eq!(server.json("/api/recordings")[0]["name"], "workload");
    assert_eq!(server.json("/api/recordings")[0]["running"], true);
    assert_eq!(server.json("/api/sessions")[0]["recordings"], 1);
    assert_eq!(server.json("/api/sessions/1")["processes"], 1);
    let diff = server.json("/api/sessions/1/diff?from=start&to=end");
    assert!(diff["total"]["private_bytes"]["delta"].as_i64().unwrap() >= 20 << 20, "{diff}");
    let series = server.json("/api/recordings/1/series?metric=private&by=family");
    assert!(series.as_array().unwrap().iter().any(|row| row["key"] == "malloc"));
    let snapshot = server.json("/api/recordings/1/snapshot?at=start");
    assert_eq!(snapshot["pid"], workload.pid());

    // What is not there, not understood, or not for reading.
    for (path, status) in [
        ("/api/recordings/99/snapshot", 404),
        ("/api/sessions/x", 400),
        ("/api/recordings/1/series?metric=colour", 400),
        ("/api/recordings/1/series?by=%00", 400),
        ("/api/recordings/1/snapshot?at=never", 400),
        ("/nothing", 404),
        ("/../../etc/passwd", 404),
    ] {
        assert_eq!(server.ask_as("GET", path, &server.address).0, status, "{path}");
    }
    for method in ["POST", "PUT", "DELETE"] {
        assert_eq!(server.ask_as(method, "/metrics", &server.address).0, 405, "{method}");
    }
    let (_, answer) = server.ask_as("GET", "/metrics", "localhost:9190");
    for header in ["cache-control: no-store", "x-content-type-options: nosniff"] {
        assert!(answer.contains(header), "{answer}");
    }

    assert_eq!(recorder.interrupt().0, Some(0));
    let metrics = server.get("/metrics");
    assert!(metrics.contains("vmrec_recorders 0"), "{metrics}");
    assert!(!metrics.contains("vmrec_private_bytes{"), "{metrics}");
    signal(server.child.id(), libc::SIGTERM);
    let mut server = server;
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_page_of_another_site_cannot_read_it_under_a_name_of_its_own() {
    let bench = crate::harness::recorded(2);
    let server = Server::start(&bench, &["--name", "box.lan"]);
    for host in ["evil.example", "evil.example:9190", "127.0.0.1.evil.example", ""] {
        let (status, answer) = server.ask_as("GET", "/api/recordings", host);
        assert!((400..500).contains(&status), "{host}: {answer}");
        assert!(!answer.contains("workload"), "{host}: {answer}");
    }
    for host in ["localhost", "127.0.0.1:1", "[::1]:9190", "box.lan:9190"] {
        assert_eq!(server.ask_as("GET", "/api/recordings", host).0, 200, "{host}");
    }
}

#[test]
fn names_of_processes_are_safe_in_labels_and_the_number_of_series_is_bounded() {
    let bench = Bench::new();
    let name = "we\"ird\\na}me{#";
    let odd = bench.path(name);
    copy_program("/bin/sleep".as_ref(), &odd);
    let mut all: Vec<Child> =
        (0..6).map(|_| Command::new(&odd).arg("60").spawn().unwrap()).collect();
    let pids: Vec<String> = all.iter().map(|child| child.id().to_string()).collect();
    let mut arguments = vec!["record", "--every", "100ms"];
    arguments.extend(pids.iter().map(String::as_str));
    let recorder = bench.command(&arguments).stderr(Stdio::null()).spawn().unwrap();
    let server = Server::start(&bench, &["--max-processes", "2"]);
    let count = |metrics: &str, of: &str| {
        metrics
            .lines()
            .filter(|line| line.starts_with("vmrec_processes{") && line.contains(of))
            .count()
    };
    wait_until("not all were recorded", || {
        server.get("/metrics").contains("vmrec_processes{process=\"other\",pid=\"\"} 4")
    });
    let metrics = server.get("/metrics");
    let labelled = r#"process="we\"ird\\na}me{#""#;
    assert_eq!(count(&metrics, labelled), 2, "{metrics}");
    let by_name = Server::start(&bench, &["--by", "name"]);
    let metrics = by_name.get("/metrics");
    assert!(metrics.contains(&format!("vmrec_processes{{{labelled}}} 6")), "{metrics}");
    if let Some(promtool) = tool("promtool") {
        let mut checker = Command::new(promtool)
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // promtool reads Prometheus's own format, which has no end mark.
        let text = metrics.trim_end_matches("# EOF\n").to_owned();
        checker.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let said = checker.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(!said.contains("error"), "{said}");
    }
    signal(recorder.id(), libc::SIGINT);
    recorder.wait_with_output().unwrap();
    for child in &mut all {
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Finds a tool of Prometheus's, or says that it is missing.
fn tool(name: &str) -> Option<String> {
    let path = format!("/usr/bin/{name}");
    if Path::new(&path).is_file() {
        return Some(path);
    }
    skipped(&format!("{name} is not installed (apt-get install prometheus)"));
    None
}

/// A Prometheus that ends with the test.
struct Prometheus(Child);

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn prometheus_scrapes_it_and_a_rule_fires_on_growth() {
    let Some(program) = tool("prometheus") else { return };
    let (bench, mut workload) = (Bench::new(), Workload::start());
    let recorder = Recorder::start(&bench, &workload);
    let server = Server::start(&bench, &[]);
    std::fs::write(
        bench.path("prometheus.yml"),
        format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: [grows.yml]\n\
             scrape_configs: [{{job_name: vmrec, static_configs: [{{targets: ['{}']}}]}}]\n",
            server.address
        ),
    )
    .unwrap();
    std::fs::write(
        bench.path("grows.yml"),
        "groups: [{name: test, rules: [{alert: Grows, \
         expr: 'delta(vmrec_private_bytes[15s]) > 8 * 1024 * 1024'}]}]\n",
    )
    .unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let own = format!("127.0.0.1:{port}");
    let mut command = Command::new(program);
    command
        .arg(format!("--config.file={}", bench.path("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", bench.path("tsdb").display()))
        .arg(format!("--web.listen-address={own}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    heeding_signals(&mut command);
    let _prometheus = Prometheus(command.spawn().unwrap());
    let ask = |path: &str| -> Option<serde_json::Value> {
        let mut stream = TcpStream::connect(&own).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {own}\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    };
    wait_until("Prometheus scraped nothing", || {
        ask("/api/v1/query?query=vmrec_private_bytes").is_some_and(|found| {
            found["data"]["result"].as_array().is_some_and(|all| !all.is_empty())
        })
    });
    let mut alerts = Vec::new();
    wait_until("the rule did not fire", || {
        workload.order("heap 4194304");
        let found = ask("/api/v1/alerts").unwrap_or_default();
        alerts = found["data"]["alerts"].as_array().cloned().unwrap_or_default();
        alerts.iter().any(|alert| alert["state"] == "firing")
    });
    let labels = &alerts[0]["labels"];
    assert_eq!(labels["process"], "workload", "{alerts:?}");
    assert_eq!(labels["type"], "MALLOC (brk heap)", "{alerts:?}");
    assert_eq!(labels["pid"], workload.pid_text(), "{alerts:?}");
    drop(recorder);
}

#[test]
fn the_rules_and_the_dashboard_that_come_with_it_are_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging");
    let dashboard = std::fs::read_to_string(folder.join("grafana/vmrec.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    let source =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/serve.md"))
            .unwrap();
    for panel in dashboard["panels"].as_array().unwrap() {
        let asked = panel["targets"][0]["expr"].as_str().unwrap();
        let words = asked.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        for metric in words.filter(|word| word.starts_with("vmrec_")) {
            assert!(source.contains(&format!("`{metric}`")), "{metric}");
        }
    }
    let Some(promtool) = tool("promtool") else { return };
    let tested = Command::new(promtool)
        .args(["test", "rules", "vmrec.rules.test.yml"])
        .current_dir(folder.join("prometheus"))
        .output()
        .unwrap();
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stdout));
}
