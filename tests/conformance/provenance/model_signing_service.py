"""The real model-signing 1.1.1 behind lines of JSON: its command line and its library in one process, because starting it takes half a second."""
import base64
import contextlib
import datetime
import io
import json
import os
import pathlib
import sys

from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from model_signing import _cli, hashing, signing, verifying
from model_signing._signing import sign_sigstore_pb

CURVES = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1}
USAGES = {"codeSigning": x509.ExtendedKeyUsageOID.CODE_SIGNING, "serverAuth": x509.ExtendedKeyUsageOID.SERVER_AUTH}
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


def certify(name, key, issuer, issuer_key, days, extensions):
    now = datetime.datetime.now(datetime.timezone.utc)
    public, signer = key.public_key(), issuer_key.public_key()
    builder = x509.CertificateBuilder().serial_number(x509.random_serial_number()).public_key(public)
    builder = builder.subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
    builder = builder.issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
    builder = builder.not_valid_before(now + datetime.timedelta(days[0])).not_valid_after(now + datetime.timedelta(days[1]))
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), False)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, hashes.SHA256())


def key_usage(**allowed):
    names = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign"]
    return x509.KeyUsage(**{name: name in allowed for name in names + ["crl_sign", "encipher_only", "decipher_only"]})


def authority(path_length):
    return [(x509.BasicConstraints(True, path_length), True), (key_usage(key_cert_sign=True, crl_sign=True), True)]


def chain(request):
    """A root on P-384, an intermediate and a leaf, as PEM files in a folder; the certificates of another library than ours."""
    folder = pathlib.Path(request["folder"])
    root, middle = ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP256R1())
    leaf = ec.generate_private_key(CURVES[request["curve"]]())
    usages = [USAGES[usage] for usage in request.get("usages", ["codeSigning"])]
    names = x509.SubjectAlternativeName([x509.RFC822Name("release@example.com")])
    of_leaf = [(x509.BasicConstraints(False, None), True), (key_usage(digital_signature=True), True), (names, False)]
    of_leaf += [(x509.ExtendedKeyUsage(usages), False)] if usages else []
    made = {
        "root": certify("root", root, "root", root, (-800, 800), authority(None)),
        "intermediate": certify("intermediate", middle, "root", root, (-700, 700), authority(0)),
        "leaf": certify("leaf", leaf, "intermediate", middle, request.get("days", (-1, 30)), of_leaf),
    }
    for name, certificate in made.items():
        (folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pkcs8 = leaf.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    private = folder / "leaf.pem"
    private.touch(0o600)
    private.write_bytes(pkcs8)
    return {}


OPERATIONS = {"chain": chain, "cli": cli, "sign": sign, "verify": verify, "encode": encode, "signPayload": sign_payload}

for line in sys.stdin:
    asked = json.loads(line)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            answer = OPERATIONS[asked["do"]](asked)
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print("@" + json.dumps(answer), flush=True)
