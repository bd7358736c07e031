// The form of what lint finds. Data only.

export interface LintFinding {
  /** `error`: it cannot work; `warning`: it protects less than it looks; `note`: worth knowing. */
  readonly severity: 'error' | 'warning' | 'note';
  /** In the words of the file: `signatures.serving_default.inputs.age.max`. */
  readonly path: string;
  readonly text: string;
  /** Stable short name. */
  readonly id: string;
}

/** Adds a finding at `path`, which is relative to the place that is looked at. */
export type AddFinding = (severity: LintFinding['severity'], id: string, path: string, text: string) => void;
