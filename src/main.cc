#include "cli/app.h"

int main(int argc, char** argv) { return dure::run_app(argc, argv); }
