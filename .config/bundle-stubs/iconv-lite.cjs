// Stands in for iconv-lite in the bundle: 480 KB of tables for encodings that are never asked for, as bodies are read by
// `platform/request-body.ts`, as UTF-8. Only the question whether an encoding is known can come.
exports.encodingExists = (name) => /^utf-?8$/i.test(name);
exports.getDecoder = (name) => {
  throw new Error(`bodies are read without express; nobody decodes ${name}`);
};
