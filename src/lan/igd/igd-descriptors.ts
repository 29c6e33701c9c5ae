// The files of `descriptors/` as texts. They are handed in: the bundle carries them, tests read them from disk.

export interface DescriptorTexts {
  /** Device descriptions with blanks to be filled. */
  readonly igd1: string;
  readonly igd2: string;
  /** Service descriptions by the name in their URL: "/scpd/<name>.xml". */
  readonly scpd: Readonly<Record<ScpdName, string>>;
}

export const SCPD_NAMES = [
  'WANIPConnection1',
  'WANIPConnection2',
  'WANCommonInterfaceConfig1',
  'Layer3Forwarding1',
  'DeviceProtection1',
] as const;

export type ScpdName = (typeof SCPD_NAMES)[number];
