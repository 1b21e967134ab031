//! Interim.
use crate::classify::facts::{Facts, Peek};
use crate::classify::{Piece, Scene};
use crate::mapping::Mapping;
#[derive(Clone, Debug)]
pub struct UserRule;
pub struct Process<'a> {
    pub mappings: &'a [Mapping],
    pub occupied: &'a [u64],
    pub facts: &'a Facts,
    pub kept: &'a [Piece],
    pub user_rules: &'a [UserRule],
}
pub fn classify(process: &Process<'_>, _peek: &mut Peek<'_>) -> Vec<Piece> {
    let scene = Scene::of(process.mappings);
    (0..process.mappings.len())
        .flat_map(|place| {
            let own = process.mappings[place].range;
            let new = crate::classify::classify(&scene, process.mappings, place);
            let kept: Vec<_> =
                process.kept.iter().filter(|kept| kept.range == own).cloned().collect();
            if kept.is_empty() { new } else { kept }
        })
        .collect()
}
