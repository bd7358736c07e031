// The rules about HDF5 files, whether Keras wrote them or not. What the library does is from the HDF5 file format specification 3.0 and was
// tried with h5py 3.14; what Keras refuses since when, the advisories say.
import type { Rule } from '../scan-types.ts';

const rebuild = 'Get the file again from where it came from, or save the model again.';

export const hdf5Rules: readonly Rule[] = [
  {
    id: 'file-read/hdf5-external-link',
    title: 'A link into another HDF5 file',
    category: 'file-read',
    severity: 'high',
    effect: 'Reading the object opens the other file, wherever it lies, and gives out what is in it as weights.',
    fix: 'Do not load it. Weights lie in the file itself.',
    sources: ['CVE-2026-1669', 'CVE-2026-9335'],
  },
  {
    id: 'file-read/hdf5-external-storage',
    title: 'A dataset whose data lies in another file',
    category: 'file-read',
    severity: 'critical',
    effect: 'Reading the dataset reads any file as raw bytes, and the model gives them out as weights.',
    fix: 'Do not load it. Weights lie in the file itself.',
    sources: ['CVE-2026-1669'],
  },
  {
    id: 'file-read/hdf5-virtual',
    title: 'A virtual dataset',
    category: 'file-read',
    severity: 'high',
    effect: 'Reading the dataset opens the files that it is put together from.',
    fix: 'Do not load it. Weights lie in the file itself.',
    sources: ['CVE-2026-12480'],
  },
  {
    id: 'file-read/hdf5-soft-link',
    title: 'A soft link',
    category: 'file-read',
    severity: 'medium',
    effect:
      'One part of the file stands for another one, or for what an external link leads to. Keras writes none and refuses them since 3.12.3.',
    fix: rebuild,
    sources: ['CVE-2026-9335'],
  },
  {
    id: 'code-execution/hdf5-filter',
    title: 'Data that needs a filter from outside',
    category: 'code-execution',
    severity: 'medium',
    effect: 'The HDF5 library loads a native plugin from its plugin path to read the data (HDF5_PLUGIN_PATH).',
    fix: 'Store the data with deflate or without a filter.',
    sources: ['https://support.hdfgroup.org/documentation/hdf5/latest/_h5_p_l__u_g.html'],
  },
  {
    id: 'code-execution/hdf5-link-class',
    title: 'A link of a class that an application defines',
    category: 'code-execution',
    severity: 'medium',
    effect: 'Following it calls whatever code is registered for the class.',
    fix: rebuild,
  },
  {
    id: 'payload/hdf5-pickle',
    title: 'A pickle in an HDF5 file',
    category: 'payload',
    severity: 'high',
    effect: 'Whoever unpickles the value calls any function that it names.',
    fix: 'Store data as numbers or text.',
    sources: ['https://docs.python.org/3/library/pickle.html'],
  },
  {
    id: 'payload/hdf5-code',
    title: 'Code in an HDF5 file',
    category: 'payload',
    severity: 'medium',
    effect:
      'Programs, scripts or Python code lie where weights or configuration should be; something else may take them out and run them.',
    fix: 'Find out who put it there. A model needs no code in its weights.',
  },
  {
    id: 'payload/hdf5-user-block',
    title: 'Data around an HDF5 file',
    category: 'payload',
    severity: 'low',
    effect: 'Readers of HDF5 skip it, and other programs see only it: the file can be two things at once.',
    fix: rebuild,
  },
  {
    id: 'memory/hdf5-dataset',
    title: 'A dataset that is far larger than what is stored for it',
    category: 'memory',
    severity: 'high',
    effect: 'Reading the dataset asks for memory for all that it declares.',
    fix: 'Do not load it.',
    sources: ['CVE-2026-0897', 'CVE-2026-12570'],
  },
  {
    id: 'parser-differential/hdf5-duplicate',
    title: 'A name comes twice in an HDF5 file',
    category: 'parser-differential',
    severity: 'medium',
    effect:
      'One reader takes the first of two attributes or links and another the last: a check sees another model than the loader.',
    fix: rebuild,
  },
  {
    id: 'hang/hdf5-cycle',
    title: 'A group that contains itself',
    category: 'hang',
    severity: 'medium',
    effect: 'Whoever walks the tree without looking where it was never ends, or runs out of stack.',
    fix: rebuild,
  },
  {
    id: 'malformed/hdf5',
    title: 'An HDF5 file that contradicts itself',
    category: 'malformed',
    severity: 'medium',
    effect: 'Loading fails, and old libraries read outside of their buffers.',
    fix: rebuild,
    sources: ['CVE-2018-17434', 'CVE-2021-37501'],
  },
];
