#!/bin/sh
# Signs with a key in a PKCS#11 token, for `airlock sign --signer`: what is to be signed comes on standard input, the signature leaves on
# standard output. The token signs a digest, so the statement about the model never has to fit into it.
#
#   sign-with-pkcs11.sh ID        the ID of the private key, in hex (pkcs11-tool finds keys for signing by ID, not by label)
#
# PKCS11_MODULE is the token's library, PKCS11_TOKEN its label, PKCS11_PIN the PIN; pass each with --signer-env. AIRLOCK_HASH comes from
# airlock and goes with the curve of the public key.
set -eu

openssl dgst "-$AIRLOCK_HASH" -binary |
  pkcs11-tool --module "$PKCS11_MODULE" --token-label "$PKCS11_TOKEN" --login --pin env:PKCS11_PIN \
    --sign --mechanism ECDSA --id "$1"
