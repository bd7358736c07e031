// The classes of Unicode that the RE2 inside TensorFlow 2.21 knows (Unicode 15), and what each costs there. Our engine knows more; a graph
// with a class that RE2 does not know answers every request with an error. tests/conformance/harden.test.ts asks TensorFlow for each.

const categories = 'Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs Any';

const scripts = `
  Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki Bopomofo Brahmi Braille Buginese
  Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee Chorasmian Common Coptic Cuneiform Cypriot Cypro_Minoan Cyrillic
  Deseret Devanagari Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek
  Gujarati Gunjala_Gondi Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic Inherited
  Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kawi Kayah_Li Kharoshthi Khitan_Small_Script Khmer Khojki
  Khudawadi Lao Latin Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi
  Medefaidrin Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean
  Nag_Mundari Nandinagari New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian
  Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa
  Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo
  Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh
  Tirhuta Toto Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square`;

/** C is not among them: to our engine it holds what is not assigned, to RE2 it does not. */
export const re2Classes: ReadonlySet<string> = new Set(`${categories} ${scripts}`.trim().split(/\s+/));

// Measured with TensorFlow 2.21 (RE2 logs the size of a program whose automaton is too large), rounded up. RE2 compiles a class to
// ranges of bytes: L alone is 1,194 instructions, most scripts are fewer than 40.
const largeClasses: ReadonlyMap<string, number> = new Map([
  ['L', 1200],
  ...['Ll', 'Lo', 'Lu'].map((name): [string, number] => [name, 950]),
  ...['M', 'Mn'].map((name): [string, number] => [name, 600]),
  ...['S', 'So', 'P', 'Po', 'Common'].map((name): [string, number] => [name, 450]),
  ...['Mc', 'N'].map((name): [string, number] => [name, 320]),
]);

/** Instructions of RE2 for one use of a class in `re2Classes`; never fewer than it takes. */
export function classInstructions(name: string): number {
  return largeClasses.get(name) ?? 150;
}
