// node-ssdp calls this only when it was given no `location`. We always give one, so a call is our bug.
exports.address = () => {
  throw new Error('the ip package is replaced by a stub: give node-ssdp a location');
};
