// Container images: TensorFlow's own by version and digest, others that carry TensorFlow, and the base that TensorFlow is installed on.
import { lookAlikeOf } from '../packages/index.ts';
import type { Finding, Gap, ImageUse } from '../supply-chain-types.ts';
import { versionFindings } from './judge-version.ts';
import { makeFinding } from './make-finding.ts';
import type { VersionFacts } from './version-facts.ts';

interface ImageName {
  /** Without registry and `library/`. */
  readonly path: string;
  readonly registry: string;
  readonly tag: string;
  readonly digest: string;
}

/** Repositories whose tags are versions of TensorFlow. TensorFlow Serving has the version of the TensorFlow that it is built from. */
const versioned: ReadonlySet<string> = new Set(['tensorflow/tensorflow', 'tensorflow/serving']);

/** `installs`: the file installs TensorFlow or Keras itself. */
export function judgeImage(use: ImageUse, facts: VersionFacts, installs: boolean): (Finding | Gap)[] {
  const image = nameOf(use.image);
  const [owner] = image.path.split('/');
  const isHub = image.registry === '' || image.registry === 'docker.io' || image.registry === 'index.docker.io';
  if (isHub && owner === 'tensorflow' && image.path.includes('/')) return judgeOfficial(use, image, facts);
  const imitated = isHub && image.path.includes('/') ? lookAlikeOf(owner) : undefined;
  const fix = use.write(`tensorflow/tensorflow:${facts.newest('tensorflow')}@sha256:DIGEST`);
  if (imitated === 'tensorflow' || imitated === 'keras')
    return [
      makeFinding('look-alike', {
        place: use.place,
        package: image.path,
        message: `${use.image} looks like an image of ${imitated}`,
        fix,
      }),
    ];
  if (/tensorflow|keras/i.test(image.path))
    return [
      makeFinding('image-unofficial', {
        place: use.place,
        package: image.path,
        message: `${use.image} is not an image of the TensorFlow project`,
        fix,
      }),
      ...tagFinding(use, image),
    ];
  if (!installs || image.digest !== '') return [];
  return [
    makeFinding('base-image-tag', {
      place: use.place,
      package: image.path,
      message: `TensorFlow is installed on ${use.image}, which names no digest`,
      fix: use.write(`${use.image}@sha256:DIGEST`),
    }),
  ];
}

function judgeOfficial(use: ImageUse, image: ImageName, facts: VersionFacts): (Finding | Gap)[] {
  const [version] = /^\d+\.\d+\.\d+(?:-?rc\d+)?(?=[-_]|$)/.exec(image.tag) ?? [];
  const suffix = version === undefined ? '' : image.tag.slice(version.length);
  const newest = `${facts.newest('tensorflow')}${suffix.replace(/-py3$/, '')}`;
  const fix = use.write(`${image.path}:${newest}@sha256:DIGEST`);
  if (image.tag.includes('nightly'))
    return [makeFinding('nightly', { place: use.place, package: image.path, message: `${use.image} is a nightly build`, fix })];
  if (version === undefined) {
    if (image.digest !== '')
      return [
        {
          kind: 'gap',
          place: use.place,
          reason: `which TensorFlow is in ${use.image} is not said: write its tag in front of the digest`,
        },
      ];
    return [
      makeFinding('image-unpinned', { place: use.place, package: image.path, message: `${use.image} names no version`, fix }),
    ];
  }
  const judged = versioned.has(image.path)
    ? versionFindings('tensorflow', version, facts, { place: use.place, package: image.path, what: use.image, fix })
    : [];
  return [...judged, ...tagFinding(use, image)];
}

function tagFinding(use: ImageUse, { digest, tag, path }: ImageName): Finding[] {
  if (digest !== '') return [];
  const fix = `${use.write(`${use.image}@sha256:DIGEST`)} (docker buildx imagetools inspect ${use.image} prints the digest)`;
  if (tag === '' || tag.startsWith('latest'))
    return [makeFinding('image-unpinned', { place: use.place, package: path, message: `${use.image} names no version`, fix })];
  return [makeFinding('image-tag', { place: use.place, package: path, message: `${use.image} names no digest`, fix })];
}

function nameOf(image: string): ImageName {
  const [reference, digest = ''] = image.split('@', 2);
  const slash = reference.lastIndexOf('/');
  const colon = reference.indexOf(':', slash + 1);
  const tag = colon === -1 ? '' : reference.slice(colon + 1);
  const parts = (colon === -1 ? reference : reference.slice(0, colon)).split('/');
  const hasRegistry = parts.length > 1 && (/[.:]/.test(parts[0]) || parts[0] === 'localhost');
  const path = (hasRegistry ? parts.slice(1) : parts).join('/').replace(/^library\//, '');
  return { path, registry: hasRegistry ? parts[0] : '', tag, digest: /^sha256:[0-9a-f]{64}$/.test(digest) ? digest : '' };
}
