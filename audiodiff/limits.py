"""The greatest numbers that are taken: by configs, calls and commands alike."""

MAX_COUNT = 2**31 - 1
"""The greatest number of anything that is counted one after another, such as training steps."""

MAX_STEPS = 10_000
"""Most steps of a run or of a noise schedule; published ones have at most 4000."""

MAX_RATE = 768_000
"""The highest sample rate, in Hz, that sound hardware has."""

MAX_SEED = 2**63 - 1
