// Operations that read or list files, and which of their arguments names the file. Facts only; op-risks.test.ts compares them
// with TensorFlow's own list of operations. ReadFile, MatchingFiles, ImmutableConst and GenerateVocabRemapping are not stateful, so grappler
// folds them while it optimises (2.21): the file is read even where the branch with the operation is never taken.
import type { OpRisk } from './hazard-types.ts';
import { writeRisks } from './op-risks-writes.ts';

const names = (text: string): readonly string[] => text.split(' ');

const reads: readonly OpRisk[] = [
  { ops: ['ReadFile'], ruleId: 'file-read/op', severity: 'high', verb: 'reads', object: 'a file', at: ['in:filename'] },
  {
    ops: names(
      'TextLineDataset TFRecordDataset TFRecordDatasetV2 FixedLengthRecordDataset FixedLengthRecordDatasetV2 CSVDataset CSVDatasetV2 ' +
        'ExperimentalCSVDataset',
    ),
    ruleId: 'file-read/op',
    severity: 'high',
    verb: 'reads records from',
    object: 'files',
    at: ['in:filenames'],
  },
  {
    ops: names('LMDBDataset ExperimentalLMDBDataset'),
    ruleId: 'file-read/op',
    severity: 'high',
    verb: 'opens the LMDB database',
    object: 'of a file',
    at: ['in:filenames'],
  },
  {
    ops: names('SqlDataset ExperimentalSqlDataset'),
    ruleId: 'file-read/database',
    severity: 'high',
    verb: 'opens the SQL database',
    object: 'of a file',
    at: ['in:data_source_name'],
    effect: 'It runs a query on a database of this machine; when there is none, TensorFlow 2.21 dies of a segmentation fault.',
  },
  {
    ops: ['LoadDataset'],
    ruleId: 'file-read/op',
    severity: 'high',
    verb: 'reads a saved dataset from',
    object: 'a folder',
    at: ['in:path'],
  },
  {
    ops: ['ImmutableConst'],
    ruleId: 'file-read/op',
    severity: 'high',
    verb: 'maps into memory and returns',
    object: 'a file',
    at: ['attr:memory_region_name'],
  },
  {
    ops: ['MatchingFiles'],
    ruleId: 'file-read/listing',
    severity: 'high',
    verb: 'lists the files that match',
    object: 'a pattern',
    at: ['in:pattern'],
  },
  {
    ops: names('MatchingFilesDataset ExperimentalMatchingFilesDataset'),
    ruleId: 'file-read/listing',
    severity: 'high',
    verb: 'lists the files that match',
    object: 'a pattern',
    at: ['in:patterns'],
  },
  {
    ops: names('InitializeTableFromTextFile InitializeTableFromTextFileV2'),
    ruleId: 'file-read/op',
    severity: 'high',
    verb: 'fills a lookup table from',
    object: 'a file',
    at: ['in:filename'],
  },
  {
    ops: ['GenerateVocabRemapping'],
    ruleId: 'file-read/op',
    severity: 'high',
    verb: 'reads the vocabulary',
    object: 'of a file',
    at: ['in:new_vocab_file', 'in:old_vocab_file'],
  },
  {
    ops: ['LoadAndRemapMatrix'],
    ruleId: 'file-read/restore',
    severity: 'high',
    verb: 'reads the checkpoint',
    object: 'of a file',
    at: ['in:ckpt_path'],
  },
  {
    ops: names('ListSnapshotChunksDataset SnapshotChunkDataset SnapshotDatasetReader'),
    ruleId: 'file-read/op',
    severity: 'high',
    verb: 'reads the dataset snapshot',
    object: 'of a file',
    at: ['in:snapshot_path', 'in:chunk_file', 'in:shard_dir'],
  },
  {
    ops: ['FixedUnigramCandidateSampler'],
    ruleId: 'file-read/op',
    severity: 'high',
    verb: 'reads the vocabulary',
    object: 'of a file',
    at: ['attr:vocab_file'],
  },
  {
    ops: ['RecordInput'],
    ruleId: 'file-read/op',
    severity: 'high',
    verb: 'reads the files that match',
    object: 'a pattern',
    at: ['attr:file_pattern'],
  },
  {
    ops: ['Skipgram'],
    ruleId: 'file-read/op',
    severity: 'high',
    verb: 'reads the text',
    object: 'of a file',
    at: ['attr:filename'],
  },
  {
    ops: names('DecodeProtoV2 EncodeProto'),
    ruleId: 'file-read/op',
    severity: 'high',
    verb: 'reads the message descriptors',
    object: 'of a file',
    at: ['attr:descriptor_source'],
  },
];

/** Operations whose argument is a path. The saver's own (SaveV2, RestoreV2, MergeV2Checkpoints) are in op-risks-saver.ts. */
export const fileRisks: readonly OpRisk[] = [...reads, ...writeRisks];
