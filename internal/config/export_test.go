package config

import "reflect"

// ProfileForm is what a profile file may hold.
func ProfileForm() reflect.Type { return reflect.TypeFor[profileFile]() }
