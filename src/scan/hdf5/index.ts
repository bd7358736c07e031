// The door of hdf5: the tree of an HDF5 file, read without the HDF5 library, and what is wrong with it.
export {
  elementsOf,
  type Hdf5Attribute,
  type Hdf5Dataset,
  type Hdf5File,
  type Hdf5Object,
  type Hdf5Type,
} from './hdf5-types.ts';
export { judgeHdf5 } from './judge-file.ts';
export { type ReadHdf5Limits, readHdf5 } from './read-file.ts';
export { hdf5Rules } from './rules.ts';
