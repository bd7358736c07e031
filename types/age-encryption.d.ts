// The declarations of age-encryption name two types of browsers that Node's own do not declare globally. Only what they need.
type CryptoKey = import('node:crypto').webcrypto.CryptoKey;

interface AuthenticationExtensionsPRFValues {
  readonly first: ArrayBuffer;
  readonly second?: ArrayBuffer;
}
