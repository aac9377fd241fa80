#ifndef TEMPORARIES_INTERNAL_H
#define TEMPORARIES_INTERNAL_H

/// Removes the noted paths; async-signal-safe.
void temporaries_remove_all(void);

#endif
