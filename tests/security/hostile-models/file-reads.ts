// Models that read what is not theirs, with operations that every TensorFlow has.
import { attribute, graphDef, node } from '../../support/graph.ts';
import { type Attacks, learns, reads } from './attack.ts';
import { type AttackGraph, code, type End, elementOf } from './attack-graph.ts';
import { secret } from './world.ts';

const fileOf = (graph: AttackGraph, file: string): End => ({
  tensor: `${graph.op('ReadFile', [graph.text(file)])}:0`,
  dtype: 'DT_STRING',
});

/** Reads through one of the readers that take file names from a queue. */
function throughReader(graph: AttackGraph, reader: string, file: string, attributes: Record<string, Buffer> = {}): End {
  const types = attribute.types([code.text]);
  const queue = graph.op('FIFOQueueV2', [], { component_types: types });
  const filled = graph.op('QueueEnqueueV2', [queue, graph.text(file)], { Tcomponents: types });
  const source = graph.op(reader, [], attributes);
  return { tensor: `${graph.op('ReaderReadV2', [source, queue, `^${filled}`])}:1`, dtype: 'DT_STRING' };
}

/** The values of a table that is filled from the lines of a file. */
function throughTable(graph: AttackGraph, file: string): End {
  const keys = { key_dtype: attribute.type(code.int64), value_dtype: attribute.type(code.text) };
  const table = graph.op('HashTableV2', [], keys);
  // -1 stands for the number of the line, -2 for the whole line.
  const columns = { key_index: attribute.integer(-1), value_index: attribute.integer(-2) };
  const filled = graph.op('InitializeTableFromTextFileV2', [table, graph.text(file)], columns);
  const types = { Tkeys: attribute.type(code.int64), Tvalues: attribute.type(code.text) };
  return { tensor: `${graph.op('LookupTableExportV2', [table, `^${filled}`], types)}:1`, dtype: 'DT_STRING' };
}

/** A dataset that reads the lines of a file, as a graph of its own: what is run stands in a string of the model. */
function lineDatasetGraph(file: string): Buffer {
  const constant = (name: string, dtype: number, value: Buffer): Buffer =>
    node(name, 'Const', [], { dtype: attribute.type(dtype), value });
  return graphDef([
    constant('file', code.text, attribute.strings([], [file])),
    constant('compression', code.text, attribute.strings([], [''])),
    constant('buffer', code.int64, attribute.tensor(code.int64, [], Buffer.alloc(8))),
    node('lines', 'TextLineDataset', ['file', 'compression', 'buffer']),
    node('result', '_Retval', ['lines'], { T: attribute.type(code.variant), index: attribute.integer(0) }),
  ]);
}

export const fileReads: Attacks = ({ secretFile, recordFile, emptyDatabase, checkpoint, directory }) => {
  const plain = (graph: AttackGraph): string => graph.text('');
  return [
    reads('read_file', (graph) => fileOf(graph, secretFile)),
    reads('read_file_url', (graph) => fileOf(graph, `file://${secretFile}`)),
    reads('read_file_dotted', (graph) => fileOf(graph, `/proc/self/root/proc/../${secretFile}`)),
    learns('read_passwd', (graph) => fileOf(graph, '/etc/passwd')),
    learns('read_own_environment', (graph) => fileOf(graph, '/proc/self/environ')),
    learns('read_own_memory_map', (graph) => fileOf(graph, '/proc/self/maps')),
    learns('read_server_environment', (graph) => fileOf(graph, `/proc/${process.pid}/environ`)),
    learns('read_server_arguments', (graph) => fileOf(graph, `/proc/${process.pid}/cmdline`)),
    reads('whole_file_reader', (graph) => throughReader(graph, 'WholeFileReaderV2', secretFile)),
    reads('text_line_reader', (graph) => throughReader(graph, 'TextLineReaderV2', secretFile)),
    reads('tf_record_reader', (graph) => throughReader(graph, 'TFRecordReaderV2', recordFile)),
    reads('fixed_length_record_reader', (graph) =>
      throughReader(graph, 'FixedLengthRecordReaderV2', secretFile, { record_bytes: attribute.integer(24) }),
    ),
    reads('text_line_dataset', (graph) =>
      graph.firstText(graph.op('TextLineDataset', [graph.text(secretFile), plain(graph), graph.int64(0)])),
    ),
    reads('tf_record_dataset', (graph) =>
      graph.firstText(graph.op('TFRecordDataset', [graph.text(recordFile), plain(graph), graph.int64(0)])),
    ),
    reads('fixed_length_record_dataset', (graph) =>
      graph.firstText(
        graph.op('FixedLengthRecordDataset', [
          graph.text(secretFile),
          graph.int64(0),
          graph.int64(24),
          graph.int64(0),
          graph.int64(0),
        ]),
      ),
    ),
    learns('sql_dataset', (graph) =>
      graph.firstText(
        graph.op(
          'SqlDataset',
          [graph.text('sqlite'), graph.text(emptyDatabase), graph.text("select 'opened'")],
          elementOf(code.text),
        ),
      ),
    ),
    reads('dataset_from_graph', (graph) =>
      graph.firstText(graph.op('DatasetFromGraph', [graph.text(lineDatasetGraph(secretFile))])),
    ),
    reads('lookup_table', (graph) => throughTable(graph, secretFile)),
    learns(
      'immutable_const',
      (graph) => {
        // Maps the file as numbers; its strings would be structs with pointers in them.
        const region = {
          dtype: attribute.type(code.int64),
          shape: attribute.shape([]),
          memory_region_name: attribute.text(secretFile),
        };
        return { tensor: `${graph.op('ImmutableConst', [], region)}:0`, dtype: 'DT_INT64' };
      },
      (answer) => answer === String(Buffer.from(secret).readBigInt64LE()),
    ),
    learns('restore_other_model', (graph) => {
      const types = { dtypes: attribute.types([code.text]) };
      const names = graph.texts(['_CHECKPOINTABLE_OBJECT_GRAPH']);
      return {
        tensor: `${graph.op('RestoreV2', [graph.text(checkpoint), names, graph.texts([''])], types)}:0`,
        dtype: 'DT_STRING',
      };
    }),
    learns(
      'vocabulary_remapping',
      (graph) => {
        // How many lines two files share: whoever may ask that often can read the one with the other.
        const lines = { new_vocab_offset: attribute.integer(0), num_new_vocab: attribute.integer(1) };
        const file = graph.text(secretFile);
        return { tensor: `${graph.op('GenerateVocabRemapping', [file, file], lines)}:1`, dtype: 'DT_INT32' };
      },
      (answer) => answer === '1',
    ),
    learns(
      'matching_files',
      (graph) => ({ tensor: `${graph.op('MatchingFiles', [graph.text(`${directory}/*.txt`)])}:0`, dtype: 'DT_STRING' }),
      (answer) => answer.includes(secretFile),
    ),
    learns('matching_files_root', (graph) => ({
      tensor: `${graph.op('MatchingFiles', [graph.text('/*')])}:0`,
      dtype: 'DT_STRING',
    })),
  ];
};
