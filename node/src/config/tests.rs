use clap::Parser as _;

use super::*;

fn parse(extra: &[&str]) -> Result<Config, Error> {
    let base = ["rowlock-node", "--data", "/d", "--listen", "127.0.0.1:1"];
    let cluster = ["--cluster", "000102030405060708090a0b0c0d0e0f"];
    let args = Args::try_parse_from(base.iter().chain(&cluster).chain(extra)).unwrap();
    Config::try_from(args)
}

#[test]
fn a_whole_command_line() {
    let config = parse(&["--node", "2", "--peers", "1=a:1, 2=b:2,3=c:3", "--shards", "4"]).unwrap();
    assert_eq!(config.node, NodeId(2));
    assert_eq!(config.cluster.to_string(), "000102030405060708090a0b0c0d0e0f");
    assert_eq!(config.peers.0[&NodeId(3)], "c:3");
    assert_eq!((config.shards, config.replicas), (4, 3));
}

#[test]
fn contradictions_are_refused() {
    let refused = |extra: &[&str]| parse(extra).unwrap_err();
    assert_eq!(refused(&["--node", "4", "--peers", "1=a:1,2=b:2,3=c:3"]), Error::NotAPeer(4));
    assert_eq!(
        refused(&["--node", "1", "--peers", "1=a:1,2=b:2"]),
        Error::Replicas { replicas: 3, nodes: 2 }
    );
    assert_eq!(
        refused(&["--node", "1", "--peers", "1=a:1", "--replicas", "1", "--shards", "0"]),
        Error::Shards(0)
    );
    assert_eq!(refused(&["--node", "0", "--peers", "0=a:1"]), Error::NodeId(0));
}

#[test]
fn peers_that_make_no_sense_are_refused() {
    assert_eq!("1=a:1,1=b:2".parse::<Peers>(), Err(Error::PeerRepeated(1)));
    assert_eq!("1:a".parse::<Peers>(), Err(Error::Peer("1:a".into())));
    assert!("+1234567890123456789012345678901".parse::<ClusterId>().is_err());
    assert_eq!("00".parse::<ClusterId>(), Err(Error::ClusterId));
}
