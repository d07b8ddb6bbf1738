//! Frames go only where they are meant to go.

use rowlock_proto::v1;
use rowlock_proto::v1::frame::Kind;
use rowlock_proto::v1::raft_client::RaftClient;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use crate::cluster::{CLUSTER, Cluster, SHARDS, channel};

fn hello() -> v1::Hello {
    let cluster = bytes::Bytes::copy_from_slice(&CLUSTER.0);
    v1::Hello {
        cluster,
        from_node: 2,
        to_node: 1,
        protocol: 1,
        shards: SHARDS,
        replicas: 3,
        clock_bound_ms: 250,
    }
}

/// Opens a stream to node 1, as if from node 2.
async fn open(
    cluster: &Cluster,
    hello: v1::Hello,
) -> Result<(mpsc::Sender<v1::FrameBatch>, Streaming<v1::FrameBatch>), Status> {
    let (sender, receiver) = mpsc::channel(4);
    let first = v1::FrameBatch { hello: Some(hello), frames: Vec::new() };
    sender.send(first).await.unwrap();
    let mut client = RaftClient::new(channel(cluster.addr(1)));
    let answers = client.frames(ReceiverStream::new(receiver)).await?.into_inner();
    Ok((sender, answers))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_of_another_cluster_or_node_are_refused() {
    let cluster = Cluster::start(3);
    let wrong = [
        v1::Hello { cluster: bytes::Bytes::copy_from_slice(&[0; 16]), ..hello() },
        v1::Hello { to_node: 3, ..hello() },
        v1::Hello { from_node: 9, ..hello() },
        v1::Hello { from_node: 1, ..hello() },
        v1::Hello { protocol: 99, ..hello() },
        v1::Hello { shards: SHARDS + 1, ..hello() },
        v1::Hello { replicas: 2, ..hello() },
        v1::Hello { clock_bound_ms: 251, ..hello() },
    ];
    for hello in wrong {
        let refused = open(&cluster, hello.clone()).await.map(drop).unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition, "{hello:?}");
    }
    assert!(open(&cluster, hello()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_for_a_replica_that_is_not_here_is_rejected() {
    let cluster = Cluster::start(3);
    let (sender, mut answers) = open(&cluster, hello()).await.unwrap();
    assert!(answers.message().await.unwrap().unwrap().hello.is_some());
    // Right is: from 2 to 1 in group 0, from 1002 to 1001 in group 1.
    for (exchange, (group, from_replica, to_replica)) in
        (1..).zip([(0, 2, 77), (0, 3, 1), (1, 2, 1), (99, 2, 1)])
    {
        let body = bytes::Bytes::new();
        let kind = Kind::PreVote.into();
        let frame = v1::Frame { kind, exchange, group, from_replica, to_replica, body };
        let batch = v1::FrameBatch { hello: None, frames: vec![frame] };
        sender.send(batch).await.unwrap();
        let answer = answers.message().await.unwrap().unwrap();
        assert_eq!(answer.frames[0].exchange, exchange);
        assert_eq!(answer.frames[0].kind(), Kind::Reject);
    }
}
