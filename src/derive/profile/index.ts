// The door of profiles, for the rest of derive.
export { defaultMargin, type Profile, type ProfileOptions, profileDatasets } from './profile-datasets.ts';
export { formatReport, type InputReport } from './profile-report.ts';
