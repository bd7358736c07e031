"""The real model-signing 1.1.1 behind lines of JSON: its command line and its library in one process, because starting it takes half a second."""
import base64
import contextlib
import io
import json
import os
import pathlib
import sys

from click.testing import CliRunner
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from model_signing import _cli, hashing, signing, verifying
from model_signing._signing import sign_sigstore_pb

HASHES = {"sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512}


def cli(request):
    """Its command line with these words, from this folder."""
    os.chdir(request.get("cwd", "/"))
    result = CliRunner().invoke(_cli.main, request["args"])
    return {"code": result.exit_code, "output": result.output}


def sign(request):
    """What only the library can do: other hashes, shards."""
    config = hashing.Config()
    algorithm = request.get("hash", "sha256")
    if "shardBytes" in request:
        config.use_shard_serialization(hashing_algorithm=algorithm, shard_size=request["shardBytes"])
    else:
        config.use_file_serialization(hashing_algorithm=algorithm)
    config.set_ignored_paths(paths=request.get("ignore", []))
    signer = signing.Config().use_elliptic_key_signer(private_key=request["key"])
    signer.set_hashing_config(config).sign(request["model"], request["signature"])
    return {}


def verify(request):
    """The library's own way: it takes the kind of hashing from the bundle, unless it is told shards or a hash."""
    config = verifying.Config().use_elliptic_key_verifier(public_key=request["key"])
    if "shardBytes" in request:
        config.set_hashing_config(hashing.Config().use_shard_serialization(shard_size=request["shardBytes"]))
    elif "hash" in request:
        config.set_hashing_config(hashing.Config().use_file_serialization(hashing_algorithm=request["hash"]))
    config.verify(pathlib.Path(request["model"]), request["signature"])
    return {}


def encode(request):
    """The bytes that a signature covers, in the current form and in the one of v0.2."""
    payload = base64.b64decode(request["payload"])
    encoding = sign_sigstore_pb.pae_compat if request["old"] else sign_sigstore_pb.pae
    return {"bytes": base64.b64encode(encoding(payload)).decode()}


def sign_payload(request):
    """A signature over any payload, in either form and with any hash."""
    encoded = base64.b64decode(encode(request)["bytes"])
    key = serialization.load_pem_private_key(pathlib.Path(request["key"]).read_bytes(), None)
    return {"sig": base64.b64encode(key.sign(encoded, ec.ECDSA(HASHES[request["hash"]]()))).decode()}


OPERATIONS = {"cli": cli, "sign": sign, "verify": verify, "encode": encode, "signPayload": sign_payload}

for line in sys.stdin:
    asked = json.loads(line)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            answer = OPERATIONS[asked["do"]](asked)
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print("@" + json.dumps(answer), flush=True)
