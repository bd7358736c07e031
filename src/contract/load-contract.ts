// From a contract file to a checked, frozen contract and its digest. Vocabularies lie beside the file and are part of it by their SHA-256;
// nothing else is read, and nothing comes from the environment.
import { dirname, resolve } from 'node:path';
import {
  parseYamlText,
  readYamlText,
  schemaViolations,
  unknownKeyViolation,
  violationsError,
  type YamlKind,
} from '../config/index.ts';
import { printable, type Violation } from '../core/index.ts';
import { contractDigest } from './canonical.ts';
import type { Contract, Vocabulary } from './contract-types.ts';
import { freezeDeep, mapVocabularies } from './load-contract-values.ts';
import { readVocabularyFiles, type VocabularyFile, vocabularyEntries } from './load-contract-vocabulary.ts';
import { contractSchema } from './schema.ts';
import { contractMistakes } from './schema-checks.ts';

/** A contract larger than this is not one that a person can answer for. */
export const maxContractBytes = 1024 * 1024;

const contractKind: YamlKind = { code: 'CONTRACT_INVALID', missing: 'CONTRACT_INVALID', maxBytes: maxContractBytes };

export interface LoadedContract {
  readonly contract: Contract;
  /** SHA-256, in hexadecimal, of what the contract means; see canonical.ts. */
  readonly digest: string;
}

export interface ParseContractOptions {
  /** Contents of the vocabulary files by the name that the contract gives; default none. */
  readonly vocabularies?: ReadonlyMap<string, string | Uint8Array>;
}

/**
 * Reads a contract of at most 1 MiB and its vocabularies (64 MiB each, 256 MiB in all).
 * @throws CONTRACT_INVALID with every mistake in `violations`, also when a file is not there.
 */
export async function loadContract(file: string): Promise<LoadedContract> {
  const path = resolve(file);
  const draft = checkValues(parseYamlText(await readYamlText(path, contractKind), path, contractKind), path);
  const names = new Set<string>();
  mapVocabularies(draft, (vocabulary) => {
    names.add(vocabulary.file);
    return vocabulary;
  });
  return finish(draft, await readVocabularyFiles(dirname(path), names), path);
}

/** Checks the text of a contract. @throws CONTRACT_INVALID with every mistake in `violations`. */
export function parseContract(text: string, { vocabularies = new Map() }: ParseContractOptions = {}): Contract {
  const draft = checkValues(parseYamlText(text, '', contractKind), undefined);
  const files = [...vocabularies].map(([name, content]): [string, VocabularyFile] => [name, { bytes: Buffer.from(content) }]);
  return finish(draft, new Map(files), undefined).contract;
}

function checkValues(values: unknown, file: string | undefined): Contract {
  const result = contractSchema.safeParse(values, { reportInput: true });
  if (!result.success) throw invalid(violationsOf(result.error.issues), file);
  const mistakes = contractMistakes(result.data);
  if (mistakes.length > 0) throw invalid(mistakes, file);
  return result.data;
}

function violationsOf(issues: Parameters<typeof schemaViolations>[0]): Violation[] {
  // The message of an unknown key is the list of the known ones; see strict() in fields.ts.
  return schemaViolations(issues, (parent, key, issue) => unknownKeyViolation(parent, key, issue.message.split(' ')));
}

function invalid(violations: readonly Violation[], file: string | undefined) {
  return violationsError('CONTRACT_INVALID', violations.slice(0, 200), file);
}

/** Reads every vocabulary's entries into the contract, freezes it and takes its digest. */
function finish(draft: Contract, files: ReadonlyMap<string, VocabularyFile>, file: string | undefined): LoadedContract {
  const violations: Violation[] = [];
  const known = new Map<string, ReadonlySet<string>>();
  const entriesOf = (vocabulary: Vocabulary, place: string): ReadonlySet<string> => {
    const key = `${vocabulary.sha256} ${vocabulary.file}`;
    const entries = known.get(key) ?? vocabularyEntries(vocabulary, files.get(vocabulary.file));
    if (typeof entries === 'string') {
      violations.push({ path: place, rule: 'vocabulary', expected: entries, got: `"${printable(vocabulary.file)}"` });
      return vocabulary.entries;
    }
    known.set(key, entries);
    return entries;
  };
  const filled = mapVocabularies(draft, (vocabulary, place) => ({ ...vocabulary, entries: entriesOf(vocabulary, place) }));
  if (violations.length > 0) throw invalid(violations, file);
  const contract = freezeDeep(filled);
  return { contract, digest: contractDigest(contract) };
}
