// Judges an HDF5 file whatever it is for: where its links lead, where its data lies, what reading it would cost, and what hides in it.
import type { ScanContext } from '../scan-context.ts';
import { Hdf5Reporter, maxBlobBytes } from './hdf5-report.ts';
import { elementsOf, type Hdf5File, type Hdf5Link, type Hdf5Object } from './hdf5-types.ts';
import { judgeBlob } from './judge-blob.ts';
import { judgeDataset } from './judge-dataset.ts';

/** Where a soft link of a group leads; HDF5 knows `.` and no `..`. */
function absolutePath(owner: string, target: string): string {
  const parts = `${target.startsWith('/') ? '' : owner}/${target}`.split('/').filter((part) => part !== '' && part !== '.');
  return `/${parts.join('/')}`;
}

/** @param paths objects that hard links lead to, which are all in this file. */
function judgeLink(owner: string, link: Hdf5Link, paths: ReadonlySet<string>, reporter: Hdf5Reporter): void {
  const path = `${owner === '/' ? '' : owner}/${link.name}`;
  if (link.kind === 'external') {
    reporter.use('HDF5 ExternalLink', path);
    reporter.report(
      'file-read/hdf5-external-link',
      path,
      `External link ${path} reads ${link.target} of the file ${link.file} when the weights are loaded`,
      {
        argument: { name: 'file', value: link.file, origin: 'constant-outside' },
      },
    );
  } else if (link.kind === 'soft') {
    reporter.use('HDF5 SoftLink', path);
    const isInner = paths.has(absolutePath(owner, link.target));
    reporter.report(
      'file-read/hdf5-soft-link',
      path,
      `Soft link ${path} stands for ${link.target}; Keras writes none, and refuses them since 3.12.3`,
      {
        // Another name of something in the same file gives out nothing that the file does not hold.
        ...(isInner ? { severity: 'low' } : {}),
        argument: { name: 'target', value: link.target },
      },
    );
  } else if (link.kind === 'user') {
    reporter.report(
      'code-execution/hdf5-link-class',
      path,
      `Link ${path} is of class ${link.type}, which an application has to define`,
    );
  }
}

/** Names that come twice, and hard links back to a group on the way. */
function judgeNames({ path, links, attributes }: Hdf5Object, pathOf: ReadonlyMap<number, string>, reporter: Hdf5Reporter): void {
  for (const [what, names] of [
    ['link', links.map(({ name }) => name)],
    ['attribute', attributes.map(({ name }) => name)],
  ] as const) {
    if (new Set(names).size === names.length) continue;
    const seen = new Set<string>();
    const twice = names.find((name) => seen.size === seen.add(name).size) ?? '';
    reporter.report('parser-differential/hdf5-duplicate', path, `${path} has the ${what} "${twice}" twice`, {
      argument: { name: what, value: twice },
    });
  }
  for (const link of links) {
    const target = link.kind === 'hard' ? pathOf.get(link.address) : undefined;
    if (target === undefined || (target !== path && target !== '/' && !path.startsWith(`${target}/`))) continue;
    reporter.report('hang/hdf5-cycle', path, `Group ${path} contains itself: its link "${link.name}" leads to ${target}`);
  }
}

function judgeAttributes({ path, attributes }: Hdf5Object, reporter: Hdf5Reporter): void {
  for (const { name, type, shape, data } of attributes) {
    const where = `${path}@${name}`;
    const owner = `Attribute "${name}" of ${path}`;
    const declared = elementsOf(shape) * type.sizeBytes;
    if (declared > data.length && type.class !== 'unknown')
      reporter.report('malformed/hdf5', where, `${owner} declares ${declared} bytes, and ${data.length} are stored`);
    if (type.class === 'string' || type.class === 'vlen')
      reporter.texts(owner, where, type.class === 'string' || type.isText, () =>
        reporter.file.text(type, shape, data, maxBlobBytes),
      );
    else if (data.length >= 4 && type.class !== 'float')
      reporter.blob(owner, where, data, type.class !== 'integer' || type.sizeBytes === 1);
  }
}

function judgeSurroundings(reporter: Hdf5Reporter): void {
  const { source, userBlockBytes, endBytes, name } = reporter.file;
  if (userBlockBytes > 0) {
    const block = source.read(0, Math.min(userBlockBytes, 4096));
    const found = judgeBlob(block, true);
    if (found !== undefined)
      reporter.report(found.ruleId, '/', `The user block before ${name} holds ${found.what}`, { severity: found.severity });
    else if (block.some((byte) => byte !== 0))
      reporter.report('payload/hdf5-user-block', '/', `${name} begins with ${userBlockBytes} bytes that are not of HDF5`);
  }
  const trailing = source.sizeBytes - endBytes;
  if (trailing > 0 && endBytes > 0) {
    const rest = source.read(endBytes, Math.min(trailing, 4096));
    const found = judgeBlob(rest, true);
    if (found !== undefined)
      reporter.report(found.ruleId, '/', `After its end ${name} holds ${found.what}`, { severity: found.severity });
    else if (rest.some((byte) => byte !== 0))
      reporter.report('payload/hdf5-user-block', '/', `${name} has ${trailing} bytes after its end`);
  } else if (trailing < 0) {
    reporter.report(
      'malformed/hdf5',
      '/',
      `${name} is cut short: it says that it has ${endBytes} bytes, and it has ${source.sizeBytes}`,
    );
    reporter.context.unreadable(name, 'the HDF5 file is cut short');
  }
}

/** Says what is wrong with a file; its problems make it unreadable. */
export function judgeHdf5(file: Hdf5File, context: ScanContext): void {
  const reporter = new Hdf5Reporter(file, context);
  judgeSurroundings(reporter);
  for (const problem of file.problems) {
    context.unreadable(file.name, problem);
    reporter.report('malformed/hdf5', '/', `${file.name}: ${problem}`, { severity: 'medium' });
  }
  // An object stands under one of its paths only, and a hard link may lead to it by another.
  const paths = new Set(file.objects.map(({ path }) => path));
  for (const { path, links } of file.objects) {
    for (const { kind, name } of links) if (kind === 'hard') paths.add(`${path === '/' ? '' : path}/${name}`);
  }
  const pathOf = new Map(file.objects.map(({ address, path }) => [address, path]));
  for (const object of file.objects) {
    judgeNames(object, pathOf, reporter);
    for (const link of object.links) judgeLink(object.path, link, paths, reporter);
    if (object.dataset !== undefined) judgeDataset(object.path, object.dataset, reporter);
    judgeAttributes(object, reporter);
  }
}
