# make demo      set up, build, and make demo.png and demo.mp4 with the built-in models; says first what that takes
# make test      set up, build, and run every test (under 25 minutes on two cores)
# make test-all  the same with the slow and exhaustive tests
# make conformance  OpenAI's own Python client, pinned, against the server
# make processors  tests of kernels, layers and models as on other processors (Tools/processors)
# make fuzz      libFuzzer for two minutes against what reads clients' bytes
# make check     lint, warnings as errors, and make test
# make setup     install what is missing and fetch LibTorch; with DEVICE=cuda, here and above, for NVIDIA GPUs too
# make format    format the sources
# make bench     against diffusers, torch.compile and OpenVINO, in turn (BENCH="--cases …" for some of it)
# make docs      the library's documentation, into .build/docs
# make bundle    visualgen-bundle/, a folder to carry to machines without Swift (docs/bundle.md)

SWIFT_FLAGS := -c release
CUDA_HALF := .build/release/libCTorchCUDA.so
export VISUALGEN_DEVICE := $(or $(DEVICE),cpu)

.PHONY: demo test test-all conformance processors fuzz check lint setup build format docs bench bundle clean

demo:
	@Tools/setup/forecast.sh
	@$(MAKE) --no-print-directory build
	.build/release/visualgen generate --model demo-image --seed 5 --output demo.png \
	    --prompt "a large red circle left of a small blue square on a yellow background"
	.build/release/visualgen generate --model demo-video --seed 1 --output demo.mp4 \
	    --prompt "a red square moving right on a white background"

test: build
	python3 -m unittest discover --quiet --start-directory Tools/setup
	python3 -m unittest discover --quiet --start-directory Tools/scale
	swift build $(SWIFT_FLAGS) --build-tests
	Tools/test.sh $(SWIFT_FLAGS)

test-all: export VISUALGEN_TEST_ALL = 1
test-all: test processors

conformance: build
	Tools/conformance/run.sh demo-video

processors: build
	swift build $(SWIFT_FLAGS) --build-tests
	Tools/processors/check.sh

fuzz:
	Tools/fuzz/run.sh 60

check: lint test

lint:
	swift format lint --strict --recursive Package.swift native/Package.swift Sources Examples Tools/fuzz
	swift format lint --strict --recursive --configuration Tests/.swift-format Tests

format:
	swift format --in-place --recursive Package.swift native/Package.swift Sources Examples Tools/fuzz
	swift format --in-place --recursive --configuration Tests/.swift-format Tests

setup:
	@Tools/setup/setup.sh

build: setup
	swift build $(SWIFT_FLAGS) --product visualgen
ifeq ($(VISUALGEN_DEVICE),cuda)
	@$(MAKE) --no-print-directory $(CUDA_HALF)
else
	@rm -f $(CUDA_HALF)  # it may be older than the rest
endif

$(CUDA_HALF): $(wildcard native/Sources/CTorchCUDA/* native/Sources/CTorch/*.h native/Sources/CTorch/include/*.h native/Sources/CTorch/include/ctorch/*.h) native/build.sh
	native/build.sh "$(CURDIR)/$@"

docs: build
	Tools/docs.sh

bench: build
	Benchmarks/run.sh $(BENCH)

bundle: setup
	Tools/bundle/bundle.sh

clean:
	rm -rf .build .build-bundle visualgen-bundle demo.png demo.mp4
