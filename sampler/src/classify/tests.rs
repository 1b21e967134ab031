//! Tests of the rules on made-up processes.
