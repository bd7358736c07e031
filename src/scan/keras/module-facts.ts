// What Python modules and functions of Keras do when a configuration names them, as data. Keras before 3.9 imported any module; later ones
// keep to Keras, where functions that are no part of a model are the gadgets.

/** Modules of Python's library that run code, processes or pickles, or change the interpreter. */
export const executingModules: ReadonlySet<string> = new Set(
  `os posix nt subprocess sys importlib imp runpy code codeop pty ctypes _ctypes cffi pickle _pickle cPickle marshal shelve dill cloudpickle
  joblib commands popen2 multiprocessing _posixsubprocess pdb bdb timeit trace profile cProfile pydoc doctest unittest webbrowser antigravity
  idlelib turtledemo venv ensurepip zipimport zipapp pkgutil site sysconfig distutils setuptools pip pkg_resources wheel _imp
  _frozen_importlib builtins inspect types gc signal threading _thread asyncio concurrent sched atexit copyreg jsonpickle yaml ruamel
  IPython invoke fabric paramiko pexpect sh plumbum psutil test lib2to3 compileall py_compile this rlcompleter cmd smtpd nturl2path`.split(
    /\s+/,
  ),
);

/** Other modules that no configuration of a model names: files, network and everything else that is installed with Python. */
export const reachingModules: ReadonlySet<string> = new Set(
  `abc aifc argparse ast asynchat asyncore audioop base64 binascii bz2 calendar cgi cgitb chunk codecs configparser contextlib contextvars
  copy crypt csv curses dbm difflib dis email encodings faulthandler fcntl filecmp fileinput fnmatch ftplib functools genericpath getopt
  getpass gettext glob graphlib grp gzip hashlib heapq hmac html http imaplib imghdr io _io ipaddress itertools json keyword linecache
  locale logging lzma mailbox mailcap mimetypes mmap modulefinder msilib msvcrt netrc nis nntplib ntpath opcode operator _operator optparse
  ossaudiodev pathlib pickletools pipes platform plistlib poplib posixpath pprint pstats pwd pyclbr pydoc_data pyexpat queue quopri re
  readline reprlib resource secrets select selectors shlex shutil smtplib sndhdr socket _socket socketserver spwd sqlite3 sre_compile
  sre_parse ssl stat struct sunau symtable syslog tabnanny tarfile telnetlib tempfile termios textwrap tkinter token tokenize tomllib
  traceback tracemalloc tty turtle unicodedata urllib urllib2 urllib3 httplib uu warnings wave weakref winreg winsound wsgiref xdrlib xml
  xmlrpc zipfile zlib commands requests httpx aiohttp boto3 botocore gcsfs s3fs fsspec pandas scipy torch torchvision jax flax optax
  transformers huggingface_hub diffusers sklearn xgboost lightgbm matplotlib PIL cv2 h5py zarr tables sqlalchemy flask django jinja2
  click absl google orbax mlflow wandb ray dask pyarrow numba sympy lxml bs4 redis pymongo psycopg2 docker kubernetes git`.split(
    /\s+/,
  ),
);

/** Functions that Python always has and that no model calls by name. */
export const executingBuiltins: ReadonlySet<string> = new Set(
  `eval exec compile open __import__ getattr setattr delattr input breakpoint globals locals vars help execfile file reload apply print
  memoryview exit quit __build_class__ map filter classmethod staticmethod property type object super`.split(/\s+/),
);

export interface Gadget {
  readonly severity: 'critical' | 'high' | 'medium';
  /** What it does, after its name. */
  readonly does: string;
  /** `model_features` of the advisories that are about it. */
  readonly features?: readonly string[];
  readonly advisories?: readonly string[];
}

const asGadget = 'config.json: allow-listed keras functions (e.g. get_file) used as gadgets';
const loads: Gadget = {
  severity: 'critical',
  does: 'loads another model from a path that the file chooses',
  features: [asGadget],
  advisories: ['CVE-2025-8747'],
};
const builds: Gadget = {
  severity: 'critical',
  does: 'builds another configuration from text, outside of these checks',
  features: [asGadget],
  advisories: ['CVE-2025-8747'],
};
const saves: Gadget = {
  severity: 'critical',
  does: 'writes a file at a path that the file chooses',
  features: [asGadget],
  advisories: ['CVE-2025-8747'],
};
const reads: Gadget = {
  severity: 'high',
  does: 'reads files at a path that the file chooses',
  features: [asGadget],
  advisories: ['CVE-2025-8747'],
};
const draws: Gadget = {
  severity: 'high',
  does: 'writes a picture to a path that the file chooses',
  features: [asGadget],
  advisories: ['CVE-2025-8747'],
};
const downloads: Gadget = { severity: 'high', does: 'downloads a file', features: [asGadget], advisories: ['CVE-2025-8747'] };
const changes: Gadget = { severity: 'high', does: 'changes how Keras works in the whole process' };

/** Functions of Keras by their last name, whatever module they are reached by. */
export const kerasGadgets: ReadonlyMap<string, Gadget> = new Map<string, Gadget>([
  [
    'get_file',
    {
      severity: 'critical',
      does: 'downloads a URL and writes it, or what it unpacks, to a path',
      features: [asGadget, 'keras.utils.get_file(extract=True)', 'keras.utils.get_file / extract_archive'],
      advisories: ['CVE-2025-8747', 'CVE-2025-12060', 'CVE-2026-11816'],
    },
  ],
  [
    'extract_archive',
    {
      ...saves,
      does: 'unpacks an archive',
      features: ['keras.utils.get_file / extract_archive'],
      advisories: ['CVE-2026-11816'],
    },
  ],
  ['extract_open_archive', { ...saves, does: 'unpacks an archive', features: ['keras.utils.get_file / extract_archive'] }],
  [
    'enable_unsafe_deserialization',
    {
      severity: 'critical',
      does: 'turns safe mode off, so that a Lambda layer later in the file runs its bytecode',
      features: ['config.json: keras.config.enable_unsafe_deserialization'],
      advisories: ['CVE-2025-9906'],
    },
  ],
  ...['load_model', 'load_weights', 'load_weights_only', 'load_img', 'TFSMLayer'].map((name) => [name, loads] as const),
  ...[
    'model_from_json',
    'model_from_yaml',
    'model_from_config',
    'deserialize_keras_object',
    'func_load',
    'clone_model',
    'CustomObjectScope',
    'register_keras_serializable',
    'SafeModeScope',
  ].map((name) => [name, builds] as const),
  ...[
    'save_model',
    'save_weights',
    'save_weights_only',
    'save_img',
    'export',
    'export_savedmodel',
    'ExportArchive',
    'KerasFileEditor',
  ].map((name) => [name, saves] as const),
  ...[
    'plot_model',
    'model_to_dot',
    'plot_image_gallery',
    'plot_bounding_box_gallery',
    'plot_segmentation_mask_gallery',
    'draw_bounding_boxes',
    'draw_segmentation_masks',
  ].map((name) => [name, draws] as const),
  ...[
    'image_dataset_from_directory',
    'text_dataset_from_directory',
    'audio_dataset_from_directory',
    'flow_from_directory',
    'DirectoryIterator',
    'tokenizer_from_json',
    'path_to_image',
    'list_pictures',
    'path_to_string_content',
    'open_path',
  ].map((name) => [name, reads] as const),
  ...['load_data', 'get_word_index', 'get_label_names', 'urlretrieve', 'download', 'snapshot_download', 'get_preset'].map(
    (name) => [name, downloads] as const,
  ),
  ...[
    'set_backend',
    'set_global_attribute',
    'clear_session',
    'set_floatx',
    'set_epsilon',
    'set_image_data_format',
    'set_dtype_policy',
    'set_global_policy',
    'set_session',
    'set_learning_phase',
    'set_random_seed',
    'disable_traceback_filtering',
    'get_custom_objects',
    'set_distribution',
    'initialize',
    'disable_interactive_logging',
    'set_max_epochs',
  ].map((name) => [name, changes] as const),
]);

/** Parts of Keras whose classes and functions make up models. */
export const modelParts: ReadonlySet<string> = new Set(
  `layers activations losses metrics initializers regularizers constraints optimizers ops dtype_policies quantizers random distillation
  models engine backend nn trainers legacy premade_models premade feature_column mixed_precision preprocessing tree math linalg image numpy
  core recurrent convolutional pooling normalization merge embeddings wrappers local noise advanced_activations optimizer_v1 optimizer_v2
  policies schedules experimental estimator training functional sequential base_layer input_layer
  feature_space`.split(/\s+/),
);

/** What is harmless in the other parts. */
export const harmlessKerasNames: ReadonlySet<string> = new Set(
  `FeatureSpace Feature Cross normalize to_categorical pad_sequences standardize_dtype KerasTensor Model Functional Sequential Layer Loss
  Metric Optimizer Initializer Regularizer Constraint Quantizer DTypePolicy FloatDTypePolicy InputSpec Operation Variable Function
  EarlyStopping ReduceLROnPlateau History TerminateOnNaN LearningRateScheduler BaseLogger SwapEMAWeights Callback CallbackList ProgbarLogger
  Config SKLearnClassifier SKLearnRegressor SKLearnTransformer TrackedList TrackedDict TrackedSet DotNotTrackScope CompileLoss
  CompileMetrics MetricsList array_to_img img_to_array smart_resize preprocess_input decode_predictions`.split(/\s+/),
);

/** Callbacks that write or send, and the keys that say where. */
export const writingCallbacks: ReadonlyMap<string, string> = new Map([
  ['ModelCheckpoint', 'writes models to'],
  ['BackupAndRestore', 'writes checkpoints to'],
  ['OrbaxCheckpoint', 'writes checkpoints to'],
  ['CSVLogger', 'writes a file at'],
  ['TensorBoard', 'writes logs to'],
  ['RemoteMonitor', 'sends the training log to'],
]);

/** Packages made for Keras, whose classes are ordinary parts of models. */
export const kerasPackages: ReadonlySet<string> = new Set(
  `keras_hub keras_nlp keras_cv keras_tuner autokeras keras_contrib keras_applications keras_preprocessing keras_resnet keras_cv_attention_models
  tensorflow_addons tensorflow_hub tensorflow_probability tensorflow_text tensorflow_model_optimization tensorflow_decision_forests
  tensorflow_recommenders tensorflow_ranking tensorflow_similarity tensorflow_gnn tensorflow_federated tensorflow_models official tfa tfp
  qkeras larq spektral kgcnn segmentation_models efficientnet vit_keras bert keras_bert transformers_keras rekd ydf official_models`.split(
    /\s+/,
  ),
);
