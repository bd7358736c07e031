// What each name of a package is: the official TensorFlow and Keras, known relatives, builds by others under names of their own, and names that are
// dead. Facts only; what follows from them is decided in judge/.

export type PackageStanding =
  /** Published by the TensorFlow or Keras project, judged by its version. */
  | 'official'
  /** Belongs to them or lives beside them; its name is known, its version is not judged. */
  | 'relative'
  /** TensorFlow's code, built by somebody else. */
  | 'unofficial'
  /** A snapshot of the main branch. */
  | 'nightly'
  /** A name that the project gave up. */
  | 'dead';

export interface PackageFact {
  readonly standing: PackageStanding;
  /** Whose advisories and releases its version is compared with. */
  readonly judgedAs?: 'tensorflow' | 'keras';
  /** Who builds it, or what happened to the name. */
  readonly note?: string;
  /** What to install instead. */
  readonly instead?: string;
}

const official = (judgedAs: 'tensorflow' | 'keras'): PackageFact => ({ standing: 'official', judgedAs });
const built = (note: string, instead = 'tensorflow'): PackageFact => ({
  standing: 'unofficial',
  judgedAs: 'tensorflow',
  note,
  instead,
});
const nightly = (instead: string): PackageFact => ({ standing: 'nightly', instead });

const relatives = [
  'tensorflow-intel', // what tensorflow required on Windows until 2.17
  'tensorflow-io-gcs-filesystem',
  'tensorflow-addons',
  'tensorflow-cloud',
  'tensorflow-compression',
  'tensorflow-data-validation',
  'tensorflow-datasets',
  'tensorflow-decision-forests',
  'tensorflow-docs',
  'tensorflow-estimator',
  'tensorflow-federated',
  'tensorflow-gan',
  'tensorflow-graphics',
  'tensorflow-gnn',
  'tensorflow-hub',
  'tensorflow-io',
  'tensorflow-lattice',
  'tensorflow-metadata',
  'tensorflow-metal',
  'tensorflow-model-analysis',
  'tensorflow-model-optimization',
  'tensorflow-model-remediation',
  'tensorflow-privacy',
  'tensorflow-probability',
  'tensorflow-quantum',
  'tensorflow-ranking',
  'tensorflow-recommenders',
  'tensorflow-serving-api',
  'tensorflow-serving-api-gpu',
  'tensorflow-similarity',
  'tensorflow-text',
  'tensorflow-transform',
  'tensorflowjs',
  'tensorboard',
  'tensorboard-data-server',
  'tensorboard-plugin-profile',
  'tensorboard-plugin-wit',
  'tensorboardx',
  'tf-agents',
  'tf-keras',
  'tf-models-official',
  'tf-slim',
  'tf2onnx',
  'tflite-runtime',
  'tflite-support',
  'ai-edge-litert',
  'keras-applications',
  'keras-contrib',
  'keras-core',
  'keras-cv',
  'keras-hub',
  'keras-nlp',
  'keras-preprocessing',
  'keras-rl2',
  'keras-rs',
  'keras-tuner',
  'keras-tcn',
  'keras-rl',
  'kerastuner',
  'autokeras',
];

/** By the normal form of PEP 503. */
export const packageTable: ReadonlyMap<string, PackageFact> = new Map<string, PackageFact>([
  ['tensorflow', official('tensorflow')],
  ['tensorflow-cpu', official('tensorflow')],
  ['tensorflow-tpu', official('tensorflow')],
  ['keras', official('keras')],
  ...relatives.map((name): [string, PackageFact] => [name, { standing: 'relative' }]),
  [
    'tensorflow-gpu',
    {
      standing: 'dead',
      judgedAs: 'tensorflow',
      note: 'its last release is 2.11.0 and what follows is a placeholder that fails to install; tensorflow itself runs on GPUs',
      instead: 'tensorflow[and-cuda]',
    },
  ],
  [
    'tensorflow-cpu-aws',
    {
      standing: 'dead',
      judgedAs: 'tensorflow',
      note: 'it was what tensorflow required on aarch64 until 2.15',
      instead: 'tensorflow',
    },
  ],
  ['tf-nightly', nightly('tensorflow')],
  ['tf-nightly-cpu', nightly('tensorflow-cpu')],
  ['tf-nightly-gpu', nightly('tensorflow')],
  ['tf-nightly-intel', nightly('tensorflow')],
  ['tf-nightly-cpu-aws', nightly('tensorflow')],
  ['tf-nightly-tpu', nightly('tensorflow-tpu')],
  ['keras-nightly', nightly('keras')],
  ['tf-keras-nightly', nightly('tf-keras')],
  ['intel-tensorflow', built('Intel builds it')],
  ['intel-tensorflow-avx512', built('Intel builds it')],
  ['intel-optimized-tensorflow', built('Intel builds it')],
  ['nvidia-tensorflow', built('NVIDIA builds it from a branch of 1.15')],
  ['tensorflow-rocm', built('AMD builds it')],
  ['tensorflow-rocm-enhanced', built('it is built by an individual')],
  ['tensorflow-macos', built('Apple built it until 2.16; tensorflow itself runs on Apple silicon')],
  ['tensorflow-directml', built('Microsoft built it from 1.15 and stopped')],
  ['tensorflow-directml-plugin', { standing: 'unofficial', note: 'Microsoft built it and stopped', instead: 'tensorflow' }],
  ['tensorflow-aarch64', built('it is built by an individual; tensorflow itself has aarch64 wheels')],
  ['tensorflow-arm64', built('it is built by an individual; tensorflow itself has aarch64 wheels')],
  ['tensorflow-mkl', built('it is a conda build')],
  ['tensorflow-eigen', built('it is a conda build')],
  ['tensorflow-base', built('it is a conda build')],
]);
