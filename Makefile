# Thin: each target is one command that also works without make.

.PHONY: up test bench jepsen fix

up:
	./.ci/install-build-tools
	cargo build --release --workspace --bins
	./target/release/rowctl playground --data data/playground --sample

test:
	bash .ci/run

bench:
	./.ci/install-build-tools
	cargo build --release --workspace --bins
	bash scripts/bench

jepsen:
	./.ci/install-build-tools
	cargo build --release --workspace --bins
	./target/release/rowlock-jepsen run

# Repairs what the checks complain of, where a tool can.
fix:
	cargo fmt --all
	cargo clippy --release --workspace --all-targets --fix --allow-dirty --allow-staged
