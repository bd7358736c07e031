// Are all files of a SavedModel there? A folder that is still being copied often has a whole saved_model.pb first.
import { AirlockError } from '../core/index.ts';
import { isPlainRelativeName } from '../tensor/index.ts';
import { assertCheckpointComplete } from './bundle.ts';
import { fileError, modelFileBytes } from './model-files.ts';
import type { SavedModelInfo } from './saved-model.ts';

/**
 * Makes sure that the checkpoint and the asset files that `info` needs are in `directory`.
 * @throws MODEL_INCOMPLETE naming what is missing or short; MODEL_INVALID when an asset's name leads elsewhere or a file is a link.
 */
export async function assertModelComplete(directory: string, info: SavedModelInfo): Promise<void> {
  await assertCheckpointComplete(
    directory,
    info.metaGraphs.some((graph) => graph.restoresVariables),
  );
  for (const file of new Set(info.metaGraphs.flatMap((graph) => graph.assetFiles))) {
    // The name comes from the model: it must not lead out of `assets`, nor anywhere by way of an odd spelling.
    if (!isPlainRelativeName(file)) {
      throw new AirlockError('MODEL_INVALID', { message: 'The model names an asset file that is not a plain name below assets' });
    }
    const name = `assets/${file}`;
    if ((await modelFileBytes(directory, name)) === undefined) throw fileError('MODEL_INCOMPLETE', directory, name, 'is missing');
  }
}
