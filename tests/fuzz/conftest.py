"""How long files are fuzzed, and what a reader may take.

`pytest tests/fuzz --hypothesis-profile hour` draws other examples each time, for about an hour.
"""

from hypothesis import HealthCheck, settings

CHECKS = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]

settings.register_profile(
    "fuzz",
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=CHECKS,
)
settings.register_profile(
    "hour", settings.get_profile("fuzz"), max_examples=20_000, derandomize=False
)
settings.load_profile("fuzz")
