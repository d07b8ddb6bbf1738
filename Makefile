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

# `make jepsen JEPSEN="--minutes 3"` for a short one.
JEPSEN ?= --minutes 20

jepsen:
	./.ci/install-build-tools
	bash scripts/jepsen-tools
	cargo build --release --workspace --bins
	./target/release/rowlock-jepsen run $(JEPSEN)

# Repairs what the checks complain of, where a tool can.
fix:
	cargo fmt --all
	cargo clippy --release --workspace --all-targets --fix --allow-dirty --allow-staged
