// libyaml, event and document parser.
#pragma once
#include <yaml.h>
