// Every rule of the supply chain audit: what it says, how bad that is by itself, and what can happen. Data only.
import type { Severity } from '../core/index.ts';

export interface SupplyChainRule {
  readonly id: string;
  readonly title: string;
  /** Where nothing raises or lowers it. */
  readonly severity: Severity;
  /** What can happen; a whole sentence. */
  readonly why: string;
}

const table = {
  'look-alike': [
    'high',
    'A name that imitates TensorFlow or Keras',
    'Whoever registers such a name waits for a typing mistake, and what it installs runs with all rights of whoever installs it.',
  ],
  unofficial: [
    'medium',
    'TensorFlow built by somebody else',
    'Nobody at the TensorFlow project made or tested these files, and fixes come when their builder makes them, or never.',
  ],
  'conda-build': [
    'medium',
    'TensorFlow or Keras from a conda channel',
    "The channel's maintainers build it with patches and libraries of their own: its digests are not those of the official wheels, and its fixes come later.",
  ],
  nightly: [
    'high',
    'A nightly build',
    'It is a snapshot that nobody released, no advisory names its versions, and old ones are deleted, so it cannot be judged or installed again.',
  ],
  'dead-name': ['medium', 'A name that the project gave up', 'It gets no releases any more, so no fix for it will ever come.'],
  unpinned: [
    'high',
    'No exact version',
    'The next installation takes whatever the index offers then: a release with a regression, or one that somebody pushed with a stolen account.',
  ],
  unhashed: [
    'medium',
    'No digest',
    'The version is fixed, the bytes are not: an index, a mirror or a proxy can hand out other files under the same version.',
  ],
  vulnerable: ['high', 'A version with published vulnerabilities', 'A model or a request that is made for it can use them.'],
  'allows-vulnerable': [
    'low',
    'Allows versions with published vulnerabilities',
    'Another package in the same environment, an old lock or a cache can bring such a version in.',
  ],
  outdated: [
    'medium',
    'A version without fixes',
    'Fixes come out for the newest minor version and the one before; what is found in older ones stays open.',
  ],
  prerelease: [
    'low',
    'A release candidate or other pre-release',
    'It is made for trying out, and its problems are fixed in the release only.',
  ],
  'unknown-version': [
    'medium',
    'A version that is not known',
    'It is newer than the data of this Airlock, or it exists on a private index only, where anybody may have made it.',
  ],
  'extra-index': [
    'high',
    'A second index for all packages',
    'pip takes the highest version of all indexes: whoever can upload to one of them can replace TensorFlow (dependency confusion).',
  ],
  'other-index': [
    'medium',
    'Another index than the official one',
    'What it hands out as TensorFlow is decided by whoever runs it.',
  ],
  'insecure-index': [
    'high',
    'An index without protection on the way',
    'Whoever sits on the network between can hand out other files.',
  ],
  'trusted-host': ['high', 'Certificates are not checked', 'Whoever sits on the network between can hand out other files.'],
  'find-links': [
    'high',
    'Files from a page or folder beside the index',
    'pip takes the highest version of all places, and nothing says who put files into this one.',
  ],
  'direct-source': [
    'high',
    'Not from an index',
    'What stands at the address can change at any time, and it is not what the TensorFlow project published on the index.',
  ],
  'stale-lock': [
    'medium',
    'The lock file does not fit',
    'The tool will choose anew at the next installation, or install something else than what the project says.',
  ],
  'image-tag': ['medium', 'An image by its tag', 'A tag can be pushed again with other contents; only a digest names the bytes.'],
  'image-unpinned': ['high', 'An image without a version', 'The next build takes whatever the tag names then.'],
  'image-unofficial': [
    'medium',
    'An image with TensorFlow by somebody else',
    'Nobody at the TensorFlow project made it: which TensorFlow is in it and how it was built is decided by its publisher.',
  ],
  'base-image-tag': [
    'low',
    'A base image by its tag',
    'A tag can be pushed again with other contents, and TensorFlow is installed on top of them.',
  ],
  'piped-script': [
    'medium',
    'A script from the network into a shell',
    'Whoever can change what that address answers runs programs in the build, before TensorFlow is installed.',
  ],
} as const satisfies Readonly<Record<string, readonly [Severity, string, string]>>;

export type RuleName = keyof typeof table;

/** Sorted by id. */
export const supplyChainRules: readonly SupplyChainRule[] = Object.entries(table)
  .map(([name, [severity, title, why]]) => ({ id: `supply-chain/${name}`, severity, title, why }))
  .sort((a, b) => (a.id < b.id ? -1 : 1));

export function ruleOf(name: RuleName): SupplyChainRule {
  const [severity, title, why] = table[name];
  return { id: `supply-chain/${name}`, severity, title, why };
}
