use prost::Message;

use super::super::encoding::Profile;
use super::*;

const TEXT: &str = "heap_v2/524288
  t*: 3: 2097153 [5: 4194304]
  t0: 3: 2097153 [5: 4194304]
@ 0x10 0x20
  t*: 2: 1048576 [4: 2097152]
  t0: 2: 1048576 [4: 2097152]
@ 0x30 0x20
  t*: 1: 1 [1: 1]
@ 0x40
  t*: 0: 0 [1: 2097152]

MAPPED_LIBRARIES:
00400000-00452000 r-xp 00000000 08:02 173521      /usr/bin/istiod
";

/// The samples of a profile: the names of their functions and their values.
fn samples(bytes: &[u8]) -> Vec<(Vec<String>, Vec<i64>)> {
    let profile = Profile::decode(bytes).unwrap();
    let name = |id: &u64| {
        // One function a place in these tests, and ids count from 1.
        let function = &profile.function[usize::try_from(*id).unwrap() - 1];
        profile.string_table[usize::try_from(function.name).unwrap()].clone()
    };
    profile
        .sample
        .iter()
        .map(|sample| (sample.location_id.iter().map(name).collect(), sample.value.clone()))
        .collect()
}

fn named(address: u64) -> Vec<Frame> {
    vec![Frame { function: format!("f{address:x}"), file: String::new(), line: 0 }]
}

#[test]
fn stacks_are_read_and_samples_stand_for_more_than_themselves() {
    let dump = Dump::parse(TEXT).unwrap();
    let stacks = |names: [&str; 2]| names.map(str::to_owned).to_vec();
    // Half a MiB each is sampled with the probability 1 - 1/e; a single byte stands for a whole period.
    assert_eq!(
        samples(&encode(&dump, Allocations::Live, named)),
        [
            (stacks(["f10", "f20"]), vec![3, 1_658_823]),
            (stacks(["f30", "f20"]), vec![524_289, 524_289]),
        ]
    );
    let all = samples(&encode(&dump, Allocations::All, named));
    assert_eq!(all.len(), 3);
    assert_eq!(all[2], (vec!["f40".to_owned()], vec![1, 2_136_279]));
}

#[test]
fn what_is_not_understood_is_told_with_its_line() {
    for (text, expected) in [
        ("", "line 0 of the heap's samples is not understood: \"\""),
        ("heap profile: 1", "line 1 of the heap's samples is not understood: \"heap profile: 1\""),
        ("heap_v2/1\n@ 12", "line 2 of the heap's samples is not understood: \"@ 12\""),
        (
            "heap_v2/1\n@ 0x1\n  t*: 1 [2: 3]",
            "line 3 of the heap's samples is not understood: \"  t*: 1 [2: 3]\"",
        ),
    ] {
        assert_eq!(Dump::parse(text).unwrap_err().to_string(), expected);
    }
}

#[test]
fn functions_have_their_names() {
    let mut frames = Vec::new();
    backtrace::trace(|frame| {
        frames.push(frame.ip() as u64);
        true
    });
    let names: Vec<_> = frames.into_iter().flat_map(resolve).map(|frame| frame.function).collect();
    assert!(names.iter().any(|name| name.contains("functions_have_their_names")), "{names:?}");
}
