// Operations that write files, and which of their arguments names the file. Facts only; op-risks.test.ts compares them with TensorFlow's own list.
import type { OpRisk } from './hazard-types.ts';

const names = (text: string): readonly string[] => text.split(' ');

export const writeRisks: readonly OpRisk[] = [
  { ops: ['WriteFile'], ruleId: 'file-write/op', severity: 'critical', verb: 'writes', object: 'a file', at: ['in:filename'] },
  {
    ops: names('DatasetToTFRecord ExperimentalDatasetToTFRecord'),
    ruleId: 'file-write/op',
    severity: 'critical',
    verb: 'writes records to',
    object: 'a file',
    at: ['in:filename'],
  },
  {
    ops: names('SaveDataset SaveDatasetV2'),
    ruleId: 'file-write/op',
    severity: 'critical',
    verb: 'writes a dataset to',
    object: 'a folder',
    at: ['in:path'],
  },
  {
    ops: names('SnapshotDataset SnapshotDatasetV2'),
    ruleId: 'file-write/op',
    severity: 'critical',
    verb: 'writes and reads a dataset snapshot in',
    object: 'a folder',
    at: ['in:path'],
  },
  {
    ops: names('CacheDataset CacheDatasetV2'),
    ruleId: 'file-write/op',
    severity: 'critical',
    verb: 'writes a dataset cache to',
    object: 'files',
    at: ['in:filename'],
  },
  {
    ops: ['CreateSummaryFileWriter'],
    ruleId: 'file-write/summary',
    severity: 'high',
    verb: 'creates event files in',
    object: 'a folder',
    at: ['in:logdir'],
  },
  {
    ops: ['CreateSummaryDbWriter'],
    ruleId: 'file-write/summary',
    severity: 'high',
    verb: 'creates the database',
    object: 'of a file',
    at: ['in:db_uri'],
  },
  {
    ops: ['DumpTensor'],
    ruleId: 'file-write/op',
    severity: 'critical',
    verb: 'dumps a tensor to',
    object: 'a file',
    at: ['attr:log_dir_path'],
  },
  {
    ops: ['CalibrationStatisticsSaver'],
    ruleId: 'file-write/op',
    severity: 'critical',
    verb: 'writes statistics to',
    object: 'a file',
    at: ['attr:output_file_path'],
  },
  {
    ops: ['DistributedSave'],
    ruleId: 'file-write/op',
    severity: 'critical',
    verb: 'has a tf.data service write a dataset to',
    object: 'a folder',
    at: ['in:directory'],
  },
];
