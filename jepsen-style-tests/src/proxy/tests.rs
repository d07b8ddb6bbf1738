use tokio::time::timeout;

use super::*;

const ONE: End = End::Node(1);
const TWO: End = End::Node(2);
/// Long enough that only a path that is cut stays silent.
const SILENCE: Duration = Duration::from_millis(150);
const DEADLINE: Duration = Duration::from_secs(10);

/// A server that sends back what it gets, behind the path 1→2.
async fn echo() -> (Network, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let target = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut input, mut output) = stream.into_split();
                drop(tokio::io::copy(&mut input, &mut output).await);
            });
        }
    });
    let mut network = Network::new();
    let address = network.open(ONE, TWO, target).await.unwrap();
    assert_eq!(network.address(ONE, TWO), Some(address));
    (network, address)
}

async fn ask(stream: &mut TcpStream, byte: u8) {
    stream.write_all(&[byte]).await.unwrap();
}

async fn answered(stream: &mut TcpStream, byte: u8) {
    let mut got = [0];
    timeout(DEADLINE, stream.read_exact(&mut got)).await.expect("an answer in time").unwrap();
    assert_eq!(got, [byte]);
}

async fn silent(stream: &mut TcpStream) {
    let mut got = [0];
    assert!(timeout(SILENCE, stream.read_exact(&mut got)).await.is_err(), "nothing may come by");
}

#[tokio::test]
async fn bytes_pass_an_open_path() {
    let (_network, address) = echo().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    ask(&mut stream, 7).await;
    answered(&mut stream, 7).await;
}

#[tokio::test]
async fn a_cut_holds_bytes_until_it_heals_in_either_direction() {
    for (from, to) in [(ONE, TWO), (TWO, ONE)] {
        let (network, address) = echo().await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        ask(&mut stream, 1).await;
        answered(&mut stream, 1).await;
        network.set(from, to, Gate::Cut);
        ask(&mut stream, 2).await;
        silent(&mut stream).await;
        network.heal();
        answered(&mut stream, 2).await;
    }
}

#[tokio::test]
async fn a_cut_one_way_lets_the_other_way_by() {
    let (network, _) = echo().await;
    // A server that speaks unasked: its bytes go 2→1 although 1 dialled.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let target = listener.local_addr().unwrap();
    let mut network = network;
    let address = network.open(ONE, TWO, target).await.unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    network.set(ONE, TWO, Gate::Cut);
    ask(&mut server, 9).await;
    answered(&mut stream, 9).await;
    ask(&mut stream, 3).await;
    silent(&mut server).await;
    network.heal();
    answered(&mut server, 3).await;
}

#[tokio::test]
async fn a_connection_made_during_a_cut_waits_for_its_end() {
    let (network, address) = echo().await;
    network.set_both(ONE, TWO, Gate::Cut);
    let mut stream = TcpStream::connect(address).await.unwrap();
    ask(&mut stream, 4).await;
    silent(&mut stream).await;
    network.heal();
    answered(&mut stream, 4).await;
}

#[tokio::test]
async fn refusing_ends_open_and_new_connections() {
    let (network, address) = echo().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    ask(&mut stream, 5).await;
    answered(&mut stream, 5).await;
    network.set(ONE, TWO, Gate::Refuse);
    for mut stream in [stream, TcpStream::connect(address).await.unwrap()] {
        let mut got = [0];
        let ended = timeout(DEADLINE, stream.read(&mut got)).await.expect("an end in time");
        assert!(!matches!(ended, Ok(1..)), "{ended:?}");
    }
    network.heal();
    let mut stream = TcpStream::connect(address).await.unwrap();
    ask(&mut stream, 6).await;
    answered(&mut stream, 6).await;
}

#[tokio::test]
async fn a_slow_path_delays() {
    let (network, address) = echo().await;
    let delay = Duration::from_millis(60);
    network.set_both(ONE, TWO, Gate::Slow(delay));
    let start = std::time::Instant::now();
    let mut stream = TcpStream::connect(address).await.unwrap();
    ask(&mut stream, 8).await;
    answered(&mut stream, 8).await;
    assert!(start.elapsed() >= 2 * delay, "{:?}", start.elapsed());
}
