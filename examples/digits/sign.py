"""Sign the trained model with the reference tool, OpenSSF model-signing, from Python.

    python sign.py release.key [1]

Writes model.sig into the version folder; `airlock sign 1 --key release.key` writes the same kind of bundle. The one thing to know: the
statements that Airlock puts beside the signature (`model.sig.d`) must be among the ignored paths from the beginning, or whoever verifies
with Python takes them for files that were added later. Ignored means unsigned; Airlock never loads what is ignored.

OMS does not say which model in which version was signed. That is a statement of its own:

    airlock attest release 1 --model digits --model-version 1 --key release.key
"""

import sys
from pathlib import Path

import model_signing

HERE = Path(__file__).resolve().parent
SIGNATURE = "model.sig"
STATEMENTS = "model.sig.d"


def sign(model, private_key):
    signature = model / SIGNATURE
    if signature.exists():
        sys.exit(f"{signature} is there already: a signed version is never changed, give it a new number")
    hashing = model_signing.hashing.Config().set_ignored_paths(paths=[SIGNATURE, STATEMENTS])
    signing = model_signing.signing.Config().set_hashing_config(hashing)
    signing.use_elliptic_key_signer(private_key=private_key).sign(model, signature)
    print(f"signed {model}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sign(HERE / (sys.argv[2] if len(sys.argv) == 3 else "1"), Path(sys.argv[1]))
