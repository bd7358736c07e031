// The statement that a model signature signs, in the form of OpenSSF Model Signing 1.0. The same files give the same bytes.
import { modelSignatureType, statementType } from '../provenance/format/index.ts';
import type { Manifest } from '../provenance/index.ts';

/** JSON of the statement; `subjectName` is for people only, verifiers do not compare it. */
export function modelStatement(manifest: Manifest, subjectName: string): Buffer {
  const { hashType, files, ignored, root } = manifest;
  return Buffer.from(
    JSON.stringify({
      _type: statementType,
      subject: [{ name: subjectName, digest: { sha256: root } }],
      predicateType: modelSignatureType,
      predicate: {
        serialization: { method: 'files', hash_type: hashType, allow_symlinks: false, ignore_paths: ignored },
        resources: files.map(({ name, digest }) => ({ name, algorithm: hashType, digest })),
      },
    }),
  );
}
