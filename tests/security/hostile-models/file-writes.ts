// Models that write, or take away what is there, with operations that every TensorFlow has.
import { attribute } from '../../support/graph.ts';
import { type Attacks, writes } from './attack.ts';
import { type AttackGraph, code, type End, elementOf } from './attack-graph.ts';

/** An event of step 1, as TensorFlow's summary files hold it. */
const anEvent = Buffer.of(0x10, 1);

/** A summary writer that is open on a folder; gives its handle, and the operation that opened it. */
function summaryWriter(graph: AttackGraph, folder: string): { readonly writer: string; readonly opened: string } {
  // Without a name of its own it would be one with all others of the model.
  const writer = graph.op('SummaryWriter', [], { shared_name: attribute.text(folder) });
  const options = [graph.int32(0), graph.int32(0), graph.text('')];
  return { writer, opened: graph.op('CreateSummaryFileWriter', [writer, graph.text(folder), ...options]) };
}

/** Reads a dataset of one element through one that keeps a copy in a file. */
const keeping = (graph: AttackGraph, op: string, file: string): End =>
  graph.single(graph.op(op, [graph.range(1), graph.text(file)], elementOf(code.int64)), 'DT_INT64');

export const fileWrites: Attacks = (world) => {
  return [
    writes(world, 'write_file', (graph, folder) =>
      graph.after(graph.op('WriteFile', [graph.text(`${folder}/file`), graph.text('x')])),
    ),
    writes(world, 'write_file_url', (graph, folder) =>
      graph.after(graph.op('WriteFile', [graph.text(`file://${folder}/file`), graph.text('x')])),
    ),
    writes(world, 'write_file_in_new_folder', (graph, folder) =>
      graph.after(graph.op('WriteFile', [graph.text(`${folder}/new/folder/file`), graph.text('x')])),
    ),
    writes(world, 'print_to_file', (graph, folder) =>
      graph.after(graph.op('PrintV2', [graph.text('x')], { output_stream: attribute.text(`file://${folder}/file`) })),
    ),
    writes(world, 'save', (graph, folder) =>
      graph.after(
        graph.op('Save', [graph.text(`${folder}/file`), graph.texts(['x']), graph.int64(1)], {
          T: attribute.types([code.int64]),
        }),
      ),
    ),
    writes(world, 'save_slices', (graph, folder) =>
      graph.after(
        graph.op('SaveSlices', [graph.text(`${folder}/file`), graph.texts(['x']), graph.texts(['']), graph.int64(1)], {
          T: attribute.types([code.int64]),
        }),
      ),
    ),
    writes(world, 'save_v2', (graph, folder) =>
      graph.after(
        graph.op('SaveV2', [graph.text(`${folder}/file`), graph.texts(['x']), graph.texts(['']), graph.int64(1)], {
          dtypes: attribute.types([code.int64]),
        }),
      ),
    ),
    writes(world, 'merge_checkpoints', (graph, folder) =>
      graph.after(
        graph.op('MergeV2Checkpoints', [graph.texts([world.checkpoint]), graph.text(`${folder}/file`)], {
          delete_old_dirs: attribute.boolean(false),
        }),
      ),
    ),
    writes(world, 'summary_file', (graph, folder) => {
      const { writer, opened } = summaryWriter(graph, folder);
      const written = graph.op('WriteScalarSummary', [writer, graph.int64(1), graph.text('tag'), graph.float(1), `^${opened}`], {
        T: attribute.type(code.float),
      });
      return graph.after(graph.op('FlushSummaryWriter', [writer, `^${written}`]));
    }),
    writes(world, 'import_event', (graph, folder) => {
      const { writer, opened } = summaryWriter(graph, folder);
      const imported = graph.op('ImportEvent', [writer, graph.text(anEvent), `^${opened}`]);
      return graph.after(graph.op('FlushSummaryWriter', [writer, `^${imported}`]));
    }),
    writes(world, 'debug_identity', (graph, folder) => {
      const urls = {
        T: attribute.type(code.float),
        tensor_name: attribute.text('x:0'),
        device_name: attribute.text('/job:localhost/replica:0/task:0/device:CPU:0'),
        debug_urls: attribute.texts([`file://${folder}`]),
      };
      return { tensor: `${graph.op('DebugIdentity', [graph.float(1)], urls)}:0`, dtype: 'DT_FLOAT' };
    }),
    writes(world, 'debug_identity_v2', (graph, folder) => {
      const urls = {
        T: attribute.type(code.float),
        tfdbg_run_id: attribute.text('run'),
        tfdbg_context_id: attribute.text('c'),
        tensor_debug_mode: attribute.integer(8),
        debug_urls: attribute.texts([`file://${folder}`]),
        circular_buffer_size: attribute.integer(0),
      };
      return graph.after(graph.op('DebugIdentityV2', [graph.float(1)], urls));
    }),
    writes(world, 'cache_dataset', (graph, folder) => keeping(graph, 'CacheDataset', `${folder}/file`)),
    writes(world, 'snapshot_dataset', (graph, folder) => keeping(graph, 'SnapshotDataset', folder)),
    writes(world, 'dataset_to_tf_record', (graph, folder) => {
      const records = graph.op('TensorDataset', [graph.text('x')], {
        Toutput_types: attribute.types([code.text]),
        output_shapes: attribute.shapes([[]]),
      });
      return graph.after(graph.op('DatasetToTFRecord', [records, graph.text(`${folder}/file`), graph.text('')]));
    }),
  ];
};
