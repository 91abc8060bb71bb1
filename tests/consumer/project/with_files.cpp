#include <vcell/files.hpp>
#include <vcell/vcell.hpp>

int main() { return 0; }
