"""Sign the trained model with the reference tool, OpenSSF model-signing, from Python.

    python sign.py release.key build/2

Writes model.sig into the version folder; `airlock sign build/2 --key release.key` writes the same kind of bundle. The key must not be encrypted: model-signing
1.1.1 takes a passphrase only through its API. The one thing to know: the
statements that Airlock puts beside the signature (`model.sig.d`) must be among the ignored paths from the beginning, or whoever verifies
with Python takes them for files that were added later. Ignored means unsigned; Airlock never loads what is ignored.

OMS does not say which model in which version was signed. That is a statement of its own:

    airlock attest release build/2 --model digits --model-version 2 --key release.key
"""

import sys
from pathlib import Path

import model_signing

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
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sign(Path(sys.argv[2]), Path(sys.argv[1]))
