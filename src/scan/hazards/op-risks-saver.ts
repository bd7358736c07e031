// Operations of checkpoints. Every SavedModel with variables has them, so that their names alone mean nothing: they are ordinary where only
// the saver reaches them and the file name comes from the saver (judge-saver.ts).
import type { OpRisk } from './hazard-types.ts';

const names = (text: string): readonly string[] => text.split(' ');

export const saverRisks: readonly OpRisk[] = [
  {
    ops: ['SaveV2'],
    ruleId: 'file-write/save',
    severity: 'critical',
    verb: 'writes a checkpoint to',
    object: 'a file',
    at: ['in:prefix'],
  },
  {
    ops: names('Save SaveSlices'),
    ruleId: 'file-write/save',
    severity: 'critical',
    verb: 'writes a checkpoint to',
    object: 'a file',
    at: ['in:filename'],
  },
  {
    ops: names('RestoreV2 DTensorRestoreV2'),
    ruleId: 'file-read/restore',
    severity: 'high',
    verb: 'reads the checkpoint',
    object: 'of a file',
    at: ['in:prefix'],
  },
  {
    ops: names('Restore RestoreSlice'),
    ruleId: 'file-read/restore',
    severity: 'high',
    verb: 'reads the checkpoint',
    object: 'of a file',
    at: ['in:file_pattern'],
  },
  {
    ops: ['MergeV2Checkpoints'],
    ruleId: 'file-delete/merge',
    severity: 'critical',
    verb: 'moves checkpoint files and deletes the folders of',
    object: 'files',
    at: ['in:checkpoint_prefixes', 'in:destination_prefix'],
    effect: 'It renames files over others and, unless delete_old_dirs is false, deletes the folders that they lay in.',
  },
];
