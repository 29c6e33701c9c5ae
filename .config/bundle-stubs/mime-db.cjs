// Stands in for mime-db in the bundle: 150 KB about 2,500 types, of which express would have us know none; every
// response names its own type.
module.exports = {
  'application/json': { charset: 'UTF-8', extensions: ['json'] },
  'application/octet-stream': { extensions: ['bin'] },
  'application/x-www-form-urlencoded': {},
  'text/html': { charset: 'UTF-8', extensions: ['html'] },
  'text/plain': { charset: 'UTF-8', extensions: ['txt'] },
  'text/xml': { charset: 'UTF-8', extensions: ['xml'] },
};
