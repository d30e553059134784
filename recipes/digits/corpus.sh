# What the recipes of spoken digits share; each sources it before ../stages.sh.
corpus=digits
rate=22050
archives=(
    https://github.com/Jakobovski/free-spoken-digit-dataset git:26eb9aaf76e81b692f806f9140c2d2777410d7a1
)
export CONFIG=${CONFIG:-unet} PREPARE="--min-seconds 0.1 ${PREPARE:-}"

# Tells the classes of sounds, and has no part in making them.
judge() {
    part "$recipes/digits/judge.toml" "$out/judge"
}
