// What the import of one feature's domain needs to know beside the domain.
import type { FeatureKind } from '../../contract/index.ts';
import type { VocabularyFiles } from '../vocabulary-files.ts';
import type { StringDomain } from './gen/tensorflow_metadata/schema_pb.ts';
import type { TransferNotes } from './transfer-report.ts';

export interface DomainContext {
  readonly path: string;
  readonly kind: FeatureKind;
  readonly notes: TransferNotes;
  /** The schema's shared domains, by name. */
  readonly shared: ReadonlyMap<string, StringDomain>;
  readonly files: VocabularyFiles;
}

/** Reports a domain that TFDV itself would call DOMAIN_INVALID_FOR_TYPE. */
export function reportMisfit(field: string, { path, kind, notes }: DomainContext): void {
  notes.lose(path, field, `a domain on a feature of ${kind}`, 'TFDV itself calls this pair invalid');
}
