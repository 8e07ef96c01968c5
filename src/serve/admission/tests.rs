use std::net::Ipv4Addr;

use super::*;

fn client(index: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, index).into()
}

#[test]
fn a_mesh_that_reconnects_is_let_in_at_once() {
    let (gate, now) = (Admission::new(0), Instant::now());
    for _ in 0..400 {
        let Turn::At(turn) = gate.turn(client(1), now) else { panic!("refused") };
        assert!(turn <= now);
    }
}

#[test]
fn newcomers_wait_in_order() {
    let (gate, now) = (Admission::new(10), Instant::now());
    let turns: Vec<_> = (0..30).map(|_| gate.turn(client(1), now)).collect();
    let waits = turns.iter().map(|turn| match turn {
        Turn::At(at) => at.saturating_duration_since(now),
        Turn::Refused(_) => panic!("refused"),
    });
    let waits: Vec<_> = waits.collect();
    assert_eq!(waits[10], Duration::ZERO, "a second's worth comes at once");
    assert_eq!(waits[11], Duration::from_millis(100));
    assert_eq!(waits[29], Duration::from_millis(1900));
}

#[test]
fn who_is_refused_keeps_the_turn() {
    let (gate, now) = (Admission::new(1), Instant::now());
    for _ in 0..12 {
        assert!(matches!(gate.turn(client(1), now), Turn::At(_)));
    }
    let Turn::Refused(after) = gate.turn(client(2), now) else { panic!("let in") };
    assert_eq!(after, Duration::from_secs(11));
    for _ in 0..5 {
        let again = gate.turn(client(2), now);
        assert_eq!(again, Turn::Refused(after), "coming too early costs nothing");
    }
    let Turn::Refused(other) = gate.turn(client(3), now) else { panic!("let in") };
    assert_eq!(other, Duration::from_secs(12));
    assert_eq!(gate.turn(client(2), now + after), Turn::At(now + after));
    let late = now + other + KEPT;
    assert_eq!(gate.turn(client(3), late), Turn::At(late - Duration::from_secs(1)));
    assert_eq!(gate.state.lock().unwrap().kept_count, 0);
    assert!(gate.state.lock().unwrap().kept.is_empty());
}
